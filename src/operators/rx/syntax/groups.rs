//! What starts with a parenthesis: groups, options, comments, verbs.

use super::{AtMost, Blank, Exact, Modes, Reader, Token};

impl Reader<'_> {
    pub(super) fn open(&mut self) -> Token {
        let outside = self.modes;
        if self.eat(b"*") {
            return self.verb(outside);
        }
        if !self.eat(b"?") {
            return self.enter(outside, true);
        }
        match self.next_byte() {
            Some(b'#') => match self.skip_past(b')') {
                true => Token::Blank(Blank::Comment),
                false => Token::opaque("an unclosed comment", AtMost::Unknown),
            },
            Some(b'P') if self.peek() == Some(b'<') => {
                self.at += 1;
                self.named(outside, b'>')
            }
            Some(b'<') if !matches!(self.peek(), Some(b'=' | b'!' | b'*')) => {
                self.named(outside, b'>')
            }
            Some(b'\'') => self.named(outside, b'\''),
            Some(b'<') => {
                let exact = match self.next_byte() {
                    Some(b'=') => Some(Exact::Behind { negated: false }),
                    Some(b'!') => Some(Exact::Behind { negated: true }),
                    _ => None,
                };
                self.opaque_group(outside, "look-behind", AtMost::Assertion, exact)
            }
            Some(kind @ (b'=' | b'!' | b'*')) => {
                let exact = (kind != b'*').then_some(Exact::Ahead {
                    negated: kind == b'!',
                });
                self.opaque_group(outside, "look-ahead", AtMost::Assertion, exact)
            }
            Some(b'>') => {
                let exact = Some(Exact::Atomic);
                self.opaque_group(outside, "an atomic group", AtMost::Group, exact)
            }
            Some(b'|') => {
                self.opaque_group(outside, "a group that resets captures", AtMost::Group, None)
            }
            Some(b'(') => {
                // A condition that is an assertion is a group of its own.
                if self.peek() == Some(b'?') || self.peek() == Some(b'*') {
                    self.at -= 1;
                } else {
                    self.skip_past(b')');
                }
                self.opaque_group(outside, "a conditional group", AtMost::Unknown, None)
            }
            Some(b'P') if self.eat(b"=") => self.named_reference(b')'),
            Some(b'C' | b'R' | b'&' | b'+' | b'0'..=b'9' | b'P') => self.reference(),
            Some(b'-') if self.peek().is_some_and(|b| b.is_ascii_digit()) => self.reference(),
            Some(_) => {
                self.at -= 1;
                self.options(outside)
            }
            None => Token::opaque("an unclosed group", AtMost::Unknown),
        }
    }

    /// `(?R)`, `(?1)`, `(?P=name)`, `(?C)`: complete items, not groups.
    fn reference(&mut self) -> Token {
        self.skip_past(b')');
        Token::opaque("recursion, a reference or a callout", AtMost::Text)
    }

    /// A back-reference to a named group, up to the end of the name.
    pub(super) fn named_reference(&mut self, close: u8) -> Token {
        let start = self.at;
        self.skip_past(close);
        let name = self.pattern.get(start..self.at.saturating_sub(1));
        let group = name.and_then(|name| self.group_named(name));
        Token::Opaque {
            what: "a back-reference",
            at_most: AtMost::Text,
            exact: group.map(|group| Exact::Reference(group as usize)),
        }
    }

    fn group_named(&self, name: &[u8]) -> Option<u32> {
        let mut names = self.names.iter();
        names
            .find(|(known, _)| *known == name)
            .map(|(_, group)| *group)
    }

    /// `(*VERB)` or, in lower case and with a colon, a group such as `(*atomic:…)`.
    fn verb(&mut self, outside: Modes) -> Token {
        let length = self
            .rest()
            .iter()
            .take_while(|b| b.is_ascii_lowercase() || **b == b'_')
            .count();
        let (name, after) = self.rest().split_at(length);
        if !name.is_empty() && after.first() == Some(&b':') {
            self.at += length + 1;
            let at_most = match name {
                b"pla" | b"nla" | b"plb" | b"nlb" | b"napla" | b"naplb" => AtMost::Assertion,
                _ if name.ends_with(b"_lookahead") || name.ends_with(b"_lookbehind") => {
                    AtMost::Assertion
                }
                b"atomic" => AtMost::Group,
                _ => AtMost::Unknown,
            };
            let exact = match name {
                b"pla" | b"positive_lookahead" => Some(Exact::Ahead { negated: false }),
                b"nla" | b"negative_lookahead" => Some(Exact::Ahead { negated: true }),
                b"plb" | b"positive_lookbehind" => Some(Exact::Behind { negated: false }),
                b"nlb" | b"negative_lookbehind" => Some(Exact::Behind { negated: true }),
                b"atomic" => Some(Exact::Atomic),
                _ => None,
            };
            return self.opaque_group(outside, "an assertion or atomic group", at_most, exact);
        }
        self.skip_past(b')');
        Token::opaque("a verb", AtMost::Unknown)
    }

    fn enter(&mut self, outside: Modes, captures: bool) -> Token {
        self.groups.push(outside);
        self.captures += u32::from(captures);
        Token::Open {
            captures,
            caseless: self.modes.caseless,
        }
    }

    fn opaque_group(
        &mut self,
        outside: Modes,
        what: &'static str,
        at_most: AtMost,
        exact: Option<Exact>,
    ) -> Token {
        self.groups.push(outside);
        Token::Opaque {
            what,
            at_most,
            exact,
        }
    }

    /// A named group, which for us is a numbered one.
    fn named(&mut self, outside: Modes, close: u8) -> Token {
        let start = self.at;
        let closed = self.skip_past(close);
        let name = self
            .pattern
            .get(start..self.at.saturating_sub(1))
            .unwrap_or_default();
        let is_name = |name: &[u8]| {
            name.first().is_some_and(|b| !b.is_ascii_digit())
                && name.len() <= 32
                && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
        };
        let token = self.enter(outside, true);
        if !closed || !is_name(name) || self.group_named(name).is_some() {
            return Token::opaque("the name of a group", AtMost::Unknown);
        }
        self.names.push((name, self.captures));
        token
    }

    /// `(?i-m)`, `(?i-m:`, `(?:`.
    fn options(&mut self, outside: Modes) -> Token {
        let mut modes = outside;
        let mut on = true;
        let mut extended = 0;
        while let Some(byte) = self.next_byte() {
            match byte {
                b'i' => modes.caseless = on,
                b'm' => modes.multi_line = on,
                b's' => modes.dot_all = on,
                b'U' => modes.swap_greed = on,
                b'x' if extended == 0 || !on => {
                    modes.extended = on;
                    extended += 1;
                }
                b'-' if on => on = false,
                b')' => {
                    self.modes = modes;
                    return Token::Caseless(modes.caseless);
                }
                b':' => {
                    self.modes = modes;
                    return self.enter(outside, false);
                }
                _ => {
                    self.at -= 1;
                    return self.unknown_options(outside, modes);
                }
            }
        }
        Token::opaque("an unclosed group", AtMost::Unknown)
    }

    /// Options of PCRE2 alone (`(?J)`, `(?^)`, `(?xx)`): those we know count on.
    fn unknown_options(&mut self, outside: Modes, modes: Modes) -> Token {
        let length = self
            .rest()
            .iter()
            .position(|b| matches!(b, b')' | b':'))
            .unwrap_or(self.rest().len());
        let group = self.rest().get(length) == Some(&b':');
        self.at = (self.at + length + 1).min(self.pattern.len());
        self.modes = modes;
        match group {
            true => {
                let what = "options only PCRE2 knows";
                self.opaque_group(outside, what, AtMost::Unknown, None)
            }
            false => Token::opaque("options only PCRE2 knows", AtMost::Unknown),
        }
    }
}
