//! Links in all notations, what only looks like one, and pages made by chance.

use super::*;
use crate::cpu_time;
use random::Random;

#[path = "../../../tests/support/random.rs"]
mod random;

const LOCATION: &str = "http://a.example/blog/post/";
const TARGET: &str = "http://b.example/2024/a-post/?p=1";

fn url(text: &str) -> Url {
    Url::parse(text).expect(text)
}

fn links(html: &str, target: &str) -> bool {
    let target = Name::of(&url(target)).expect("a name");
    links_to(html.as_bytes(), &url(LOCATION), &target)
}

#[test]
fn links_in_every_notation() {
    let cases = [
        (
            "http://b.example/x",
            "<a href=\"http://b.example/x\">it</a>",
        ),
        (
            "http://b.example/x",
            "<A\nclass=k HREF = 'http://b.example/x' >it</A>",
        ),
        ("http://b.example/x", "<a href=http://b.example/x>it</a>"),
        (
            "http://b.example/x",
            "<a/href=\" http://b.example/x\n\">it</a>",
        ),
        (
            "http://b.example/x",
            "<a href=\"https://B.Example:443/x#comments\">it</a>",
        ),
        (
            "https://b.example/x/",
            "<a href=\"//b.example:80/x\">it</a>",
        ),
        (
            "http://b.example/x#y",
            "<a href=\"http://b.example./x/\">it</a>",
        ),
        (
            "http://b.example/?p=1&q=2",
            "<a href=\"http://b.example/?p=1&amp;q=2\">it</a>",
        ),
        (
            "http://b.example/?p=1&q=2",
            "<a href=\"http://b.example/?p=1&#038;q=2\">it</a>",
        ),
        (
            "http://b.example/?p=1&q=2",
            "<a href=\"http://b.example?p=1&q=2\">it</a>",
        ),
        (
            "http://b.example/caf%C3%A9",
            "<a href=\"http://b.example/café\">it</a>",
        ),
        (
            "http://b.example/café",
            "<a href=\"http://b.example/caf%c3%a9\">it</a>",
        ),
        (
            "http://b.example/%7Ejo/",
            "<a href=\"http://b.example/~jo\">it</a>",
        ),
        (
            "http://b.example/a%2fb",
            "<a href=\"http://b.example/a%2Fb\">it</a>",
        ),
        (
            "http://b.example/x",
            "<a href=\"http://b.example/y/../x\">it</a>",
        ),
        (
            "http://bücher.example/x",
            "<a href=\"http://xn--bcher-kva.example/x\">it</a>",
        ),
        ("http://a.example/blog/x", "<a href=\"../x\">it</a>"),
        ("http://a.example/x", "<a href=\"/x\">it</a>"),
        (
            "http://b.example/x",
            "<base href=\"http://b.example/y/\"><a href=\"../x\">it</a>",
        ),
        (
            "http://b.example/x",
            "<base target=_top><base href=http://b.example><base href=http://c.example><a href=x>",
        ),
        ("http://b.example/x", "<area href=http://b.example/x>"),
        (
            "http://b.example/x",
            "<link rel=related href=http://b.example/x>",
        ),
        (
            "http://b.example/x",
            "<blockquote cite='http://b.example/x'>it</blockquote>",
        ),
        ("http://b.example/x", "<q cite='http://b.example/x'>it</q>"),
        (
            "http://b.example/x",
            "<script>if (a<b) '</scripts>'</script><!-- -- ><a> --><a href=http://b.example/x>",
        ),
        (
            "http://b.example/x",
            "<p title='<a href=\"'><noscript><a href=http://b.example/x>",
        ),
        (
            "http://b.example/x",
            "<a href=http://b.example/x", /* the page was cut */
        ),
    ];
    for (target, html) in cases {
        let cut = !html.ends_with('>');
        assert_eq!(links(html, target), !cut, "{target} in {html}");
    }
}

#[test]
fn what_only_looks_like_a_link_is_none() {
    let not_links = [
        "",
        "http://b.example/x",
        "<p>http://b.example/x</p>",
        "<!-- <a href=\"http://b.example/x\">it</a> -->",
        "<script>document.write('<a href=\"http://b.example/x\">it</a>')</script>",
        "<style><a href=\"http://b.example/x\"></style>",
        "<title><a href=\"http://b.example/x\"></title>",
        "<textarea><a href=\"http://b.example/x\"></textarea>",
        "<xmp><a href=\"http://b.example/x\"></xmp>",
        "<plaintext><a href=\"http://b.example/x\">",
        "&lt;a href=\"http://b.example/x\"&gt;",
        "<p title='<a href=\"http://b.example/x\">'>",
        "</a href=\"http://b.example/x\">",
        "<a name=\"http://b.example/x\">",
        "<a data-href=\"http://b.example/x\">",
        "<a href=\"http://c.example/x\" href=\"http://b.example/x\">",
        "<p href=\"http://b.example/x\">",
        "<img src=\"http://b.example/x\">",
        "<a href=\"http://b.example.c.example/x\">",
        "<a href=\"http://b.example@c.example/x\">",
        "<a href=\"http://c.example/?u=http://b.example/x\">",
        "<a href=\"http://c.example/#http://b.example/x\">",
        "<a href=\"http://b.example/x/y\">",
        "<a href=\"http://b.example/X\">",
        "<a href=\"http://b.example/x?y\">",
        "<a href=\"http://b.example:8080/x\">",
        "<a href=\"http://www.b.example/x\">",
        "<a href=\"ftp://b.example/x\">",
        "<a href=\"javascript:'http://b.example/x'\">",
        "<a href=\"mailto:http://b.example/x\">",
        "<base href=http://c.example/><a href=/x>",
    ];
    for html in not_links {
        assert!(!links(html, "http://b.example/x"), "{html}");
    }
}

/// A piece of a page that is no link to [`TARGET`], although it may look like one.
fn noise(random: &mut Random) -> String {
    const PIECES: [&str; 18] = [
        "<p>words</p>",
        "<!-- <a href=\"TARGET\"> -->",
        "<!--><p>",
        "<script>'<a href=\"TARGET\">'</script >",
        "<style>a { }</style>",
        "<a href='/elsewhere'>x</a>",
        "<a title=\"<a href='TARGET'>\">",
        "</a href=TARGET>",
        "TARGET",
        "<img src=TARGET alt='>'>",
        "<<>< & &amp; &#0; &#x41;",
        "<?php echo '?>",
        "<!doctype html>",
        "<title>TARGET</title>",
        "<br/>",
        "<a\nhref>",
        "<a href='TARGETx'>",
        "\u{e9}\u{2603}\0",
    ];
    PIECES[random.below(PIECES.len())].replace("TARGET", TARGET)
}

/// The target in one of many ways in which it can be written in a page.
fn notation(random: &mut Random) -> String {
    let mut link = TARGET.to_owned();
    if random.below(2) == 0 {
        link = link.replace("http:", "https:");
    }
    if random.below(2) == 0 {
        link.push_str("#x");
    }
    // Any letter behind the host may be escaped, and any character at all be written as a reference.
    let host = link.find("b.example").expect("the host") + "b.example".len();
    let mut written = String::new();
    for (at, c) in link.char_indices() {
        match random.below(8) {
            0 if at > host && c.is_ascii_alphanumeric() => {
                written.push_str(&format!("%{:02x}", c as u32))
            }
            1 => written.push_str(&format!("&#{};", c as u32)),
            2 => written.push_str(&format!("&#X{:x};", c as u32)),
            _ => written.push(c),
        }
    }
    let place = ["a href", "A  HREF", "area\nshape=x href", "q cite"][random.below(4)];
    match random.below(3) {
        0 => format!("<{place}=\"{written}\">"),
        1 => format!("<{place} = '{written}' x>"),
        _ => format!("<{place}={written}>"),
    }
}

#[test]
fn a_link_is_found_wherever_it_stands_and_nothing_else_is() {
    let mut random = Random(0x5eed);
    for _ in 0..20_000 {
        let mut pieces: Vec<String> = (0..random.below(12)).map(|_| noise(&mut random)).collect();
        let linked = random.below(2) == 0;
        if linked {
            pieces.insert(random.below(pieces.len() + 1), notation(&mut random));
        }
        let html = pieces.concat();
        assert_eq!(links(&html, TARGET), linked, "{html}");
    }
}

#[test]
fn any_bytes_are_read_in_linear_time() {
    let mut random = Random(7);
    let target = Name::of(&url(TARGET)).expect("a name");
    const ALPHABET: &[u8] = b"<>!-/ a=hrefbsc\"'&#;x1:%\0\xff\n";
    for _ in 0..20_000 {
        let length = random.below(60);
        let html: Vec<u8> = (0..length)
            .map(|_| ALPHABET[random.below(ALPHABET.len())])
            .collect();
        links_to(&html, &url(LOCATION), &target);
    }
    let long = format!("<base href=http://c.example/{}>", "x/".repeat(900));
    let longer = format!("<base href=http://c.example/{}>", "x/".repeat(30_000));
    let units = [
        "<",
        "<a href=x>",
        "<a href=../>",
        "<a x",
        "<!--",
        "<script>",
        "<a href='",
        "<base href=x>",
    ];
    for unit in units {
        for start in ["", &long, &longer] {
            let html = format!("{start}{}", unit.repeat(400_000 / unit.len()));
            let took = cpu_time::of(|| {
                links_to(html.as_bytes(), &url(LOCATION), &target);
            });
            assert!(took.as_secs() < 5, "{unit}: {took:?}");
        }
    }
}
