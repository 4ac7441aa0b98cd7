//! A tokeniser of HTML 5, with what old browsers took for HTML, too.
//!
//! The states are those of the HTML 5 specification of 2012, section 12.2.4, in the C library's selection.

use super::super::scan;

/// Where the input is taken to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// In text.
    Text,
    /// In a tag, before the name of an attribute.
    Tag,
    /// In an attribute's value within this quote.
    Quoted(u8),
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The name of a tag that opens.
    TagName,
    AttributeName,
    AttributeValue,
    Comment,
    Doctype,
    /// Text, and what ends a tag.
    Other,
}

/// A token of HTML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
enum State {
    Data,
    TagOpen,
    EndTagOpen,
    TagName,
    /// At the `>` of a tag.
    TagClose,
    SelfClosingTag,
    BeforeAttributeName,
    AttributeName,
    AfterAttributeName,
    BeforeAttributeValue,
    QuotedValue(u8),
    UnquotedValue,
    AfterQuotedValue,
    MarkupDeclaration,
    Comment,
    CharacterData,
    /// `<?…>`, `<!…>` and `</…>` where no name follows.
    BogusComment,
    /// `<%…%>`, a comment to Internet Explorer up to 9 and Safari before 4.0.3.
    PercentComment,
    Doctype,
    End,
}

/// What a state comes to.
enum Step<'a> {
    /// A token; the next state is set.
    Emit(Kind, &'a [u8]),
    /// Another state decides.
    Enter(State),
    /// There are no more tokens.
    Stop,
}
use Step::{Emit, Enter, Stop};

/// The tokens of the input in one context.
pub(super) struct Tokeniser<'a> {
    /// What is not yet read.
    rest: &'a [u8],
    state: State,
    /// Whether a tag began with `</`. It outlives tags that end in odd ways, as in the C library.
    is_closing: bool,
}

/// White space between attributes; NUL is one to the C library (and to Internet Explorer).
fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | 0x09..=0x0d | 0)
}

impl<'a> Tokeniser<'a> {
    pub(super) fn new(input: &'a [u8], context: Context) -> Self {
        Self {
            rest: input,
            state: match context {
                Context::Text => State::Data,
                Context::Tag => State::BeforeAttributeName,
                Context::Quoted(quote) => State::QuotedValue(quote),
            },
            is_closing: false,
        }
    }

    fn step(&mut self) -> Step<'a> {
        match self.state {
            State::Data => self.data(),
            State::TagOpen => self.tag_open(),
            State::EndTagOpen => self.end_tag_open(),
            State::TagName => self.tag_name(),
            State::TagClose => self.tag_close(),
            State::SelfClosingTag => self.self_closing_tag(),
            State::BeforeAttributeName => self.before_attribute_name(),
            State::AttributeName => self.attribute_name(),
            State::AfterAttributeName => self.after_attribute_name(),
            State::BeforeAttributeValue => self.before_attribute_value(),
            State::QuotedValue(quote) => self.quoted_value(quote),
            State::UnquotedValue => self.unquoted_value(),
            State::AfterQuotedValue => self.after_quoted_value(),
            State::MarkupDeclaration => self.markup_declaration(),
            State::Comment => self.comment(),
            State::CharacterData => self.character_data(),
            State::BogusComment => self.bogus_comment(),
            State::PercentComment => self.percent_comment(),
            State::Doctype => self.doctype(),
            State::End => Stop,
        }
    }

    /// Skips `length` bytes.
    fn skip(&mut self, length: usize) {
        self.rest = scan::tail(self.rest, length);
    }

    /// Skips `length` bytes and enters a state.
    fn skip_into(&mut self, length: usize, state: State) -> Step<'a> {
        self.skip(length);
        Enter(state)
    }

    /// Skips white space; the first byte after it, if there is one.
    ///
    /// Compat: a byte 0xFF there counts as the end of the input. The C library returns it as a signed byte, -1, which
    /// is its mark for the end.
    fn skip_white(&mut self) -> Option<u8> {
        self.skip(scan::span(self.rest, is_white));
        self.rest.first().copied().filter(|&byte| byte != 0xff)
    }

    /// A token of `length` bytes; `skipped` bytes later, `next` goes on.
    fn emit(&mut self, kind: Kind, length: usize, skipped: usize, next: State) -> Step<'a> {
        let text = scan::head(self.rest, length);
        self.skip(length + skipped);
        self.state = next;
        Emit(kind, text)
    }

    /// A token up to `end`, where a delimiter of `length` bytes stands, or else the rest of the input.
    fn emit_until(
        &mut self,
        kind: Kind,
        end: Option<usize>,
        length: usize,
        next: State,
    ) -> Step<'a> {
        match end {
            Some(end) => self.emit(kind, end, length, next),
            None => self.emit(kind, self.rest.len(), 0, State::End),
        }
    }

    fn data(&mut self) -> Step<'a> {
        match scan::find(self.rest, b'<') {
            Some(0) => self.skip_into(1, State::TagOpen),
            None if self.rest.is_empty() => Stop,
            end => self.emit_until(Kind::Other, end, 1, State::TagOpen),
        }
    }

    fn tag_open(&mut self) -> Step<'a> {
        match self.rest.first() {
            None => Stop,
            Some(b'!') => self.skip_into(1, State::MarkupDeclaration),
            Some(b'/') => {
                self.is_closing = true;
                self.skip_into(1, State::EndTagOpen)
            }
            Some(b'?') => self.skip_into(1, State::BogusComment),
            Some(b'%') => self.skip_into(1, State::PercentComment),
            Some(b'a'..=b'z' | b'A'..=b'Z' | 0) => Enter(State::TagName),
            Some(_) => self.emit(Kind::Other, 0, 0, State::Data),
        }
    }

    fn end_tag_open(&mut self) -> Step<'a> {
        match self.rest.first() {
            None => Stop,
            Some(b'>') => Enter(State::Data),
            Some(b'a'..=b'z' | b'A'..=b'Z') => Enter(State::TagName),
            Some(_) => {
                self.is_closing = false;
                Enter(State::BogusComment)
            }
        }
    }

    fn tag_name(&mut self) -> Step<'a> {
        // Some old browsers skip NUL in a tag's name.
        let length = scan::span(self.rest, |byte| {
            byte == 0 || !(is_white(byte) || matches!(byte, b'/' | b'>'))
        });
        match self.rest.get(length) {
            None => self.emit(Kind::TagName, length, 0, State::End),
            Some(b'/') => self.emit(Kind::TagName, length, 1, State::SelfClosingTag),
            Some(b'>') if self.is_closing => {
                self.is_closing = false;
                self.emit(Kind::Other, length, 1, State::Data)
            }
            Some(b'>') => self.emit(Kind::TagName, length, 0, State::TagClose),
            Some(_) => self.emit(Kind::TagName, length, 1, State::BeforeAttributeName),
        }
    }

    fn tag_close(&mut self) -> Step<'a> {
        self.is_closing = false;
        let next = if self.rest.len() > 1 {
            State::Data
        } else {
            State::End
        };
        self.emit(Kind::Other, 1, 0, next)
    }

    fn self_closing_tag(&mut self) -> Step<'a> {
        match self.rest.first() {
            None => Stop,
            Some(b'>') => self.emit(Kind::Other, 1, 0, State::Data),
            Some(_) => Enter(State::BeforeAttributeName),
        }
    }

    fn before_attribute_name(&mut self) -> Step<'a> {
        match self.skip_white() {
            None => Stop,
            Some(b'/') => self.skip_into(1, State::SelfClosingTag),
            Some(b'>') => self.emit(Kind::Other, 1, 0, State::Data),
            Some(_) => Enter(State::AttributeName),
        }
    }

    fn attribute_name(&mut self) -> Step<'a> {
        // The first byte belongs to the name whatever it is.
        let length = 1 + scan::span(scan::tail(self.rest, 1), |byte| {
            !(is_white(byte) || matches!(byte, b'/' | b'=' | b'>'))
        });
        let (skipped, next) = match self.rest.get(length) {
            None => (0, State::End),
            Some(b'/') => (1, State::SelfClosingTag),
            Some(b'=') => (1, State::BeforeAttributeValue),
            Some(b'>') => (0, State::TagClose),
            Some(_) => (1, State::AfterAttributeName),
        };
        self.emit(Kind::AttributeName, length, skipped, next)
    }

    fn after_attribute_name(&mut self) -> Step<'a> {
        match self.skip_white() {
            None => Stop,
            Some(b'/') => self.skip_into(1, State::SelfClosingTag),
            Some(b'=') => self.skip_into(1, State::BeforeAttributeValue),
            Some(b'>') => Enter(State::TagClose),
            Some(_) => Enter(State::AttributeName),
        }
    }

    fn before_attribute_value(&mut self) -> Step<'a> {
        match self.skip_white() {
            None => Stop,
            // The backtick is a quote to Internet Explorer.
            Some(quote @ (b'"' | b'\'' | b'`')) => self.skip_into(1, State::QuotedValue(quote)),
            Some(_) => Enter(State::UnquotedValue),
        }
    }

    fn quoted_value(&mut self, quote: u8) -> Step<'a> {
        let end = scan::find(self.rest, quote);
        self.emit_until(Kind::AttributeValue, end, 1, State::AfterQuotedValue)
    }

    fn unquoted_value(&mut self) -> Step<'a> {
        let length = scan::span(self.rest, |byte| !(is_white(byte) || byte == b'>'));
        let (skipped, next) = match self.rest.get(length) {
            None => (0, State::End),
            Some(b'>') => (0, State::TagClose),
            Some(_) => (1, State::BeforeAttributeName),
        };
        self.emit(Kind::AttributeValue, length, skipped, next)
    }

    fn after_quoted_value(&mut self) -> Step<'a> {
        match self.rest.first() {
            None => Stop,
            Some(b'/') => self.skip_into(1, State::SelfClosingTag),
            Some(b'>') => self.emit(Kind::Other, 1, 0, State::Data),
            Some(_) => Enter(State::BeforeAttributeName),
        }
    }

    fn markup_declaration(&mut self) -> Step<'a> {
        if scan::starts_with_ignoring_case(self.rest, b"DOCTYPE") {
            Enter(State::Doctype)
        } else if self.rest.starts_with(b"[CDATA[") {
            self.skip_into(7, State::CharacterData)
        } else if self.rest.starts_with(b"--") {
            self.skip_into(2, State::Comment)
        } else {
            Enter(State::BogusComment)
        }
    }

    /// A comment ends at `-->` or `-!>`; NULs after the first byte do not count.
    fn comment(&mut self) -> Step<'a> {
        let mut from = 0;
        while let Some(found) = scan::find(scan::tail(self.rest, from), b'-') {
            let dash = from + found;
            let nuls = scan::span(scan::tail(self.rest, dash + 1), |byte| byte == 0);
            if let [b'-' | b'!', b'>', ..] = scan::tail(self.rest, dash + 1 + nuls) {
                return self.emit(Kind::Comment, dash, nuls + 3, State::Data);
            }
            from = dash + 1;
        }
        self.emit_until(Kind::Comment, None, 0, State::End)
    }

    fn character_data(&mut self) -> Step<'a> {
        let end = scan::find_sequence(self.rest, b"]]>");
        self.emit_until(Kind::Other, end, 3, State::Data)
    }

    fn bogus_comment(&mut self) -> Step<'a> {
        let end = scan::find(self.rest, b'>');
        self.emit_until(Kind::Comment, end, 1, State::Data)
    }

    fn percent_comment(&mut self) -> Step<'a> {
        let end = scan::find_pair(self.rest, b'%', b'>');
        self.emit_until(Kind::Comment, end, 2, State::Data)
    }

    fn doctype(&mut self) -> Step<'a> {
        let end = scan::find(self.rest, b'>');
        self.emit_until(Kind::Doctype, end, 1, State::Data)
    }
}

impl<'a> Iterator for Tokeniser<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            scan::count(0);
            match self.step() {
                Emit(kind, text) => return Some(Token { kind, text }),
                Enter(state) => self.state = state,
                Stop => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens in short: `t:` a tag's name, `n:` an attribute's, `v:` its value, `c:` comment, `d:` document type,
    /// `-:` anything else.
    fn tokens(input: &str, context: Context) -> Vec<String> {
        Tokeniser::new(input.as_bytes(), context)
            .map(|token| {
                let kind = match token.kind {
                    Kind::TagName => 't',
                    Kind::AttributeName => 'n',
                    Kind::AttributeValue => 'v',
                    Kind::Comment => 'c',
                    Kind::Doctype => 'd',
                    Kind::Other => '-',
                };
                format!("{kind}:{}", String::from_utf8_lossy(token.text))
            })
            .collect()
    }

    fn text(input: &str) -> Vec<String> {
        tokens(input, Context::Text)
    }

    #[test]
    fn tags_and_attributes() {
        assert_eq!(text("a<b>c"), ["-:a", "t:b", "-:>", "-:c"]);
        assert_eq!(text("<b>"), ["t:b", "-:>"]);
        assert_eq!(text("<b"), ["t:b"]);
        assert_eq!(text("<b/>"), ["t:b", "-:>"]);
        assert_eq!(text("<b c d=e>"), ["t:b", "n:c", "n:d", "v:e", "-:>"]);
        assert_eq!(
            text("<b c = 'd' e=\"f\"/g=`h`>"),
            ["t:b", "n:c", "v:d", "n:e", "v:f", "n:g", "v:h", "-:>"]
        );
        assert_eq!(text("<b =c"), ["t:b", "n:=c"]);
        assert_eq!(text("<b c=>d"), ["t:b", "n:c", "v:", "-:>", "-:d"]);
        assert_eq!(text("<b c='d"), ["t:b", "n:c", "v:d"]);
        assert_eq!(text("<b c="), ["t:b", "n:c"]);
        assert_eq!(text("< b"), ["-:", "-: b"]);
        assert_eq!(text("<"), [""; 0]);
    }

    #[test]
    fn closing_tags() {
        assert_eq!(text("</b>c"), ["-:b", "-:c"]);
        assert_eq!(text("</>a<b>"), ["-:>a", "-:b"]);
        assert_eq!(text("</b ><d>"), ["t:b", "-:>", "-:d"]);
        assert_eq!(text("</1>b"), ["c:1", "-:b"]);
    }

    #[test]
    fn comments_and_declarations() {
        assert_eq!(text("<!--a-->b"), ["c:a", "-:b"]);
        assert_eq!(text("<!--a-!>b"), ["c:a", "-:b"]);
        assert_eq!(text("<!--a-\0\0->b"), ["c:a", "-:b"]);
        assert_eq!(text("<!--a--b"), ["c:a--b"]);
        assert_eq!(text("<!-a>b"), ["c:-a", "-:b"]);
        assert_eq!(text("<?a?>b"), ["c:a?", "-:b"]);
        assert_eq!(text("<%a>%>b"), ["c:a>", "-:b"]);
        assert_eq!(text("<%a%"), ["c:a%"]);
        assert_eq!(text("<!DocType a>b"), ["d:DocType a", "-:b"]);
        assert_eq!(text("<![CDATA[<a>]]>b"), ["-:<a>", "-:b"]);
        assert_eq!(text("<![cdata[<a>]]>"), ["c:[cdata[<a", "-:]]>"]);
        assert_eq!(text("<![CDATA[a]]"), ["-:a]]"]);
    }

    #[test]
    fn other_contexts() {
        assert_eq!(tokens("a=b c", Context::Tag), ["n:a", "v:b", "n:c"]);
        assert_eq!(tokens("><a", Context::Tag), ["-:>", "t:a"]);
        assert_eq!(
            tokens("a'b=c", Context::Quoted(b'\'')),
            ["v:a", "n:b", "v:c"]
        );
        assert_eq!(tokens("'><b", Context::Quoted(b'\'')), ["v:", "-:>", "t:b"]);
        assert_eq!(tokens("a", Context::Quoted(b'`')), ["v:a"]);
    }

    #[test]
    fn what_counts_as_white() {
        assert_eq!(text("<a\u{b}b\0c\x0cd"), ["t:a", "n:b", "n:c", "n:d"]);
        assert_eq!(text("<a\0b"), ["t:a\0b"]);
        let ends_at_ff = Tokeniser::new(b"<a \xffb=c>", Context::Text);
        assert_eq!(ends_at_ff.count(), 1);
        let inside_a_name = Tokeniser::new(b"<a b\xffc=d>", Context::Text);
        assert_eq!(inside_a_name.count(), 4);
    }
}
