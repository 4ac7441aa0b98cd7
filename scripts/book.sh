#!/usr/bin/env bash
# Makes the book of docs/ with mdBook, into target/book, and checks that its links lead somewhere.
#
# A book has no pages outside of its directory: those of the project that docs/SUMMARY.md names are brought in, and what pages show of the
# sources is put beside them.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v mdbook >/dev/null || {
  echo 'book: mdbook is missing: cargo install mdbook@0.4.52 --locked --no-default-features --features search' >&2
  exit 1
}
src=target/book-src
rm -rf "$src" target/book
cp -r docs "$src"
mapfile -t pages < <(sed -nE 's#.*\]\(\.\./([A-Z]+\.md)\)#\1#p' docs/SUMMARY.md)
cp "${pages[@]}" "$src/"
own=$(IFS='|'; echo "${pages[*]}")
sed -i -E "s#\]\(\.\./($own)#](\1#g; s#\]\(\.\./([^)\#]*)\)#](files/\1)#g" "$src"/*.md
for page in "${pages[@]}"; do
  sed -i -E "s#\]\(docs/#](#g; s#\]\(((\.?[a-z]+|LICENSES?|README)[/.][^)\#:]*|LICENSE)\)#](files/\1)#g" "$src/$page"
  # A page of the book is no file beside it.
  sed -i -E 's#\]\(files/([a-z0-9_-]+\.(md|svg|png))(\#[^)]*)?\)#](\1\3)#g' "$src/$page"
done
{ grep -ohE '\]\(files/[^)#]*' "$src"/*.md || true; } | sed 's#](files/##' | sort -u | while read -r file; do
  [ -e "$file" ] || { echo "book: there is no $file" >&2; exit 1; }
  mkdir -p "$src/files/$(dirname "$file")"
  cp -r "$file" "$src/files/$(dirname "$file")/"
done
sed -i "s#^build-dir = .*#build-dir = \"../book\"#" "$src/book.toml"
mdbook build "$src"
rm -f target/book/book.toml

python3 - target/book <<'LINKS'
import html.parser, pathlib, re, sys

root = pathlib.Path(sys.argv[1])

class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.links.append(value)

pages = {path: Page(path.read_text()) for path in root.glob("*.html")}
broken = set()
for path, page in pages.items():
    if path.name in ("404.html", "print.html", "toc.html"):
        continue
    for link in page.links:
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        known = pages.get(root / target.name) if target.suffix == ".html" else None
        if not target.exists() or (anchor and known and anchor not in known.anchors):
            broken.add(f"{path.name}: {link}")
for link in sorted(broken):
    print("book: leads nowhere:", link, file=sys.stderr)
print(f"book: target/book/index.html, {len(pages)} pages")
sys.exit(bool(broken))
LINKS
