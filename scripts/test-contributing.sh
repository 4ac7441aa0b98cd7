#!/usr/bin/env bash
# Follows CONTRIBUTING.md to the letter, in a copy of the project: puts the blocks of each "How to add" where they say that they go, and runs
# what the section ends with. Takes as long as building the tests anew.
#
#   scripts/test-contributing.sh [HEADING…]      only the sections that begin so
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Cargo cannot tell the copy's products from the project's own where both are in one directory.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/contributing
git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- -c | tar -C "$work" -x

python3 - "$work" "$@" >"$work/commands" <<'APPLY'
import pathlib, re, sys

root, wanted = pathlib.Path(sys.argv[1]), sys.argv[2:]
text = pathlib.Path("CONTRIBUTING.md").read_text()
text = text[text.index("## How to add"):text.index("## House rules")]
applied = 0
for section in text.split("\n### ")[1:]:
    heading = section.split("\n", 1)[0]
    if wanted and not any(heading.startswith(word) for word in wanted):
        continue
    blocks = re.findall(r"^( *)```\w+\n(.*?)^ *```$", section, re.M | re.S)
    if not blocks:
        continue
    for indent, block in blocks:
        lines = [line[len(indent):] if line.strip() else "" for line in block.splitlines()]
        place = re.fullmatch(r"(?://|#) (\S+), (before|instead of|behind): (.*)|(?://|#) (\S+), new", lines[0])
        if not place:
            sys.exit(f"{heading}: a block does not say where it goes: {lines[0]}")
        name, how, anchor, new = place.groups()
        path = root / (name or new)
        if new:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines[1:]) + "\n")
        else:
            there = path.read_text().splitlines()
            found = [number for number, line in enumerate(there) if line.strip().startswith(anchor)]
            if not found:
                sys.exit(f"{heading}: {name} has no line that begins with: {anchor}")
            number = found[0]
            margin = there[number][:len(there[number]) - len(there[number].lstrip())]
            added = [margin + line if line else "" for line in lines[1:]]
            first, last = {"before": (number, number), "instead of": (number, number + 1), "behind": (number + 1, number + 1)}[how]
            there[first:last] = added
            path.write_text("\n".join(there) + "\n")
        applied += 1
    for command in re.findall(r"^ +(cargo test .*)$", section, re.M):
        print(command.replace("&& make tables", "").strip())
print(f"contributing: {applied} blocks in their places", file=sys.stderr)
if not applied:
    sys.exit("no block was found")
APPLY

cd "$work"
cargo fmt --check
while IFS= read -r command; do
  echo "contributing: $command"
  bash -c "$command" </dev/null >"$work/log" 2>&1 || { tail -n 60 "$work/log"; exit 1; }
  grep '^test result' "$work/log"
done < <(awk '!seen[$0]++' "$work/commands")
echo 'contributing: passed'
