//! Finds the links of a page and puts proofs into them. Every other byte stays as it is.

use super::reference::Page;
use super::signer::{Place, Signer};
use crate::html::{Scanner, Value};

/// The page with proofs in its links; `None` if none gets one.
pub fn sign_page(html: &[u8], signer: &Signer<'_>, page: &Page<'_>) -> Option<Vec<u8>> {
    let mut page = page.clone();
    let mut has_base = false;
    let mut signed = Vec::new();
    let mut copied = 0;
    let mut scanner = Scanner::new(html);
    while let Some(tag) = scanner.next_tag() {
        let is = |name: &[u8]| tag.is(html, name);
        if is(b"base") {
            if let Some(href) = tag.attribute(html, b"href").filter(|_| !has_base) {
                has_base = true;
                page.set_base(&Value::read(html, href).text);
            }
            continue;
        }
        let places = [
            (b"href".as_slice(), Place::Href, true),
            (b"action", Place::FormAction, is(b"form")),
            (b"src", Place::IframeSrc, is(b"iframe")),
            (b"src", Place::FrameSrc, is(b"frame")),
        ];
        let mut insertions: Vec<(usize, String)> = Vec::new();
        for (attribute, place, applies) in places {
            let Some(span) = tag.attribute(html, attribute).filter(|_| applies) else {
                continue;
            };
            let value = Value::read(html, span);
            if let Some((is_first, proof)) = signer.proof(place, &value.text, &page) {
                let separator = if is_first { "?" } else { "&amp;" };
                insertions.push((value.link_end(), format!("{separator}{proof}")));
            }
        }
        insertions.sort_unstable_by_key(|(at, _)| *at);
        for (at, text) in insertions {
            signed.extend_from_slice(html.get(copied..at).unwrap_or_default());
            signed.extend_from_slice(text.as_bytes());
            copied = at;
        }
    }
    if signed.is_empty() {
        return None;
    }
    signed.extend_from_slice(html.get(copied..).unwrap_or_default());
    Some(signed)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::signer::{Method, hash};
    use super::*;
    use crate::operators::{Operator, rx::Pattern};

    /// Signs a page and puts the signed link in the place of the proof.
    fn signed(html: &str) -> String {
        let places = [
            Place::Href,
            Place::FormAction,
            Place::IframeSrc,
            Place::FrameSrc,
        ];
        let methods = places.map(|place| {
            let links = Operator::Rx(Pattern::compile_selector(b".").unwrap().into());
            Arc::new(Method { place, links })
        });
        let signer = Signer {
            key: b"key".to_vec(),
            parameter: "hp",
            methods: &methods,
        };
        let page = Page::new(b"h.test", b"/d/p");
        let Some(signed) = sign_page(html.as_bytes(), &signer, &page) else {
            return html.to_owned();
        };
        let mut text = String::from_utf8(signed).unwrap();
        for link in [
            "a",
            "a ",
            "b",
            "d/a",
            "d/a?b",
            "a?b&c",
            "a?b&copy=1",
            "a?<",
            "x/a",
            "a?b&hp",
            "d/&eacute;",
            "a;b",
            "d/:x?y",
        ] {
            text = text.replace(&hash(b"key", link.as_bytes()), &format!("[{link}]"));
        }
        text
    }

    #[test]
    fn links_get_proofs_and_nothing_else_changes() {
        let cases = [
            ("<a href=\"/a\">x</a>", "<a href=\"/a?hp=[a]\">x</a>"),
            ("<A\nHREF='/a' x>", "<A\nHREF='/a?hp=[a]' x>"),
            ("<a href=/a>", "<a href=/a?hp=[a]>"),
            ("<a x href = a y=1>", "<a x href = a?hp=[d/a] y=1>"),
            ("<a href=\"a?b#c\">", "<a href=\"a?b&amp;hp=[d/a?b]#c\">"),
            ("<a href=\" /a \n\">", "<a href=\" /a?hp=[a] \n\">"),
            (
                "<a href=\"/a&#32;&#x23;c\">",
                "<a href=\"/a&#32;?hp=[a ]&#x23;c\">",
            ),
            (
                "<a href=\"/a?b&amp;c\">",
                "<a href=\"/a?b&amp;c&amp;hp=[a?b&c]\">",
            ),
            ("<a href=\"/a?b&c\">", "<a href=\"/a?b&c&amp;hp=[a?b&c]\">"),
            (
                "<a href=\"/a?b&copy=1\">",
                "<a href=\"/a?b&copy=1&amp;hp=[a?b&copy=1]\">",
            ),
            (
                "<a href=/a;b><a href='/a?b&ampc'>",
                "<a href=/a;b?hp=[a;b]><a href='/a?b&ampc&amp;hp=",
            ),
            ("<a href=\"&sol;a\">", "<a href=\"&sol;a?hp=[a]\">"),
            (
                "<link href=/a><area href=/b>",
                "<link href=/a?hp=[a]><area href=/b?hp=[b]>",
            ),
            (
                "<form action=/a href=/b>",
                "<form action=/a?hp=[a] href=/b?hp=[b]>",
            ),
            (
                "<form href=/b action=/a>",
                "<form href=/b?hp=[b] action=/a?hp=[a]>",
            ),
            (
                "<iframe src=/a></iframe><frame src=/b>",
                "<iframe src=/a?hp=[a]></iframe><frame src=/b?hp=[b]>",
            ),
            ("<a href=/a href=/b>", "<a href=/a?hp=[a] href=/b>"),
            (
                "<base href=/x/><base href=/y/><a href=a>",
                "<base href=/x/><base href=/y/><a href=a?hp=[x/a]>",
            ),
            ("<a/href=/a/>", "<a/href=/a/?hp="),
            ("<x:y href=/a>", "<x:y href=/a?hp=[a]>"),
            ("<a href=/a><b", "<a href=/a?hp=[a]><b"),
            (
                "<title><a href=/a></title><a href=/b>",
                "<title><a href=/a></title><a href=/b?hp=[b]>",
            ),
            (
                "<script>'</scripts><a href=/a>'</SCRIPT ><a href=/b>",
                "<script>'</scripts><a href=/a>'</SCRIPT ><a href=/b?hp=[b]>",
            ),
            (
                "<!-- <a href=/a> --!><a href=/b>",
                "<!-- <a href=/a> --!><a href=/b?hp=[b]>",
            ),
            ("<!--><a href=/a>", "<!--><a href=/a?hp=[a]>"),
            ("<!---><a href=/a>", "<!---><a href=/a?hp=[a]>"),
            (
                "<!--- x --- ---><a href=/a>",
                "<!--- x --- ---><a href=/a?hp=[a]>",
            ),
            ("<!x><?y ><a href=/a>", "<!x><?y ><a href=/a?hp=[a]>"),
            ("</ x><a href=/a>", "</ x><a href=/a?hp=[a]>"),
            (
                "</p title=\"><a href=/b>\"><a href=/a>",
                "</p title=\"><a href=/b>\"><a href=/a?hp=[a]>",
            ),
            (
                "a < b <a title='>' href=/a>",
                "a < b <a title='>' href=/a?hp=[a]>",
            ),
            ("<<a href=/a>", "<<a href=/a?hp=[a]>"),
            ("<a =href=/b href=/a>", "<a =href=/b href=/a?hp=[a]>"),
        ];
        let proof = regex::Regex::new(r"(\?|&amp;)hp=(\[[^\]]*\]|[0-9a-f]{40})").unwrap();
        for (html, expected) in cases {
            let found = signed(html);
            assert!(found.starts_with(expected), "{html}\n{found}");
            assert_eq!(proof.replace_all(&found, ""), html);
        }
    }

    #[test]
    fn what_is_no_link_into_the_site_stays() {
        let texts = [
            "",
            "<",
            "<a",
            "<a href=/a",
            "<a href=\"/a",
            "<a href=\"/a>",
            "<a href",
            "<a href=",
            "<a href='",
            "</a href=/a>",
            "<!-- <a href=/a>",
            "<!-- <a href=/a> -- >",
            "<!<a href=/a",
            "<script><a href=/a>",
            "<plaintext><a href=/a>",
            "<textarea><a href=/a></textareas>",
            "<iframe><a href=/a>",
            "<a href=#x>",
            "<a href=''>",
            "<a href>",
            "<a name=/a>",
            "<p action=/a src=/b>",
            "<img src=/a>",
            "<a href=http://other.test/a>",
            "<a href=mailto:a@b>",
            "<a href='/a?hp=1'>",
            "<a xhref=/a>",
            "<base href=//other.test/><a href=/a>",
            "<a href=\"/a?b&amp;hp=x\">",
            "text /a href=/a",
        ];
        for html in texts {
            assert_eq!(signed(html), html);
        }
    }

    #[test]
    fn time_is_linear() {
        for unit in [
            "<",
            "<!--",
            "<a href='",
            "</",
            "<script>",
            "</script",
            "<a a=",
            "<title></",
            "--",
            "<a x",
        ] {
            let html = unit.repeat(1_000_000 / unit.len());
            let begun = std::time::Instant::now();
            signed(&html);
            assert!(begun.elapsed().as_secs() < 10, "{unit}");
        }
    }
}
