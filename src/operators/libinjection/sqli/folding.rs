//! Folds tokens, so that what means the same to a database has the same fingerprint.

use super::super::scan;
use super::tables::{self, FINGERPRINT_LIMIT};
use super::token::{Kind, Token};
use super::tokeniser::Tokeniser;
use Kind::{
    Backslash, Bareword, Collate, Comma, Comment, Dot, Evil, Expression, Function, Group, Keyword,
    LeftBrace, LeftParenthesis, Logic, Number, Operator, RightBrace, RightParenthesis, Semicolon,
    SqlType, String, Tsql, Union, Variable,
};

/// Slots for tokens: those of a fingerprint and one to look ahead, up to a power of two, so that an index is masked
/// into range rather than checked.
const SLOTS: usize = 8;

/// Bare words which are functions before a parenthesis.
const CALLABLE: [&str; 11] = [
    "USER_ID",
    "USER_NAME",
    "DATABASE",
    "PASSWORD",
    "USER",
    "CURRENT_USER",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "LOCALTIME",
    "LOCALTIMESTAMP",
];

/// The first tokens of the input after folding, at most [`FINGERPRINT_LIMIT`].
pub(super) struct Folded<'a> {
    tokens: [Token<'a>; SLOTS],
    length: usize,
}

impl<'a> Folded<'a> {
    pub(super) fn tokens(&self) -> &[Token<'a>] {
        self.tokens.get(..self.length).unwrap_or_default()
    }
}

/// Reads as many tokens as are needed to fill a fingerprint.
pub(super) fn fold<'a>(source: &mut Tokeniser<'a>) -> Folded<'a> {
    let mut window = Window {
        source,
        has_more: true,
        tokens: [Token::EMPTY; SLOTS],
        filled: 0,
        done: 0,
        last_comment: None,
    };
    let length = if window.skip_to_first() {
        window.fold()
    } else {
        0
    };
    Folded {
        tokens: window.tokens,
        length,
    }
}

/// What a rule did.
enum Outcome {
    /// Tokens changed, look at them afresh.
    Folded,
    /// No rule wants these tokens.
    Unchanged,
    /// The input is an attack whatever follows.
    Evil,
}

struct Window<'s, 'a> {
    source: &'s mut Tokeniser<'a>,
    has_more: bool,
    tokens: [Token<'a>; SLOTS],
    /// Where the next token goes; never above `FINGERPRINT_LIMIT + 1`.
    filled: usize,
    /// How many tokens at the front are through; never above `filled`.
    done: usize,
    /// The comment after the last token, if one was there.
    last_comment: Option<Token<'a>>,
}

impl<'a> Window<'_, 'a> {
    /// Leaves out comments, parentheses, types and unary operators before the first token.
    fn skip_to_first(&mut self) -> bool {
        let first = self.source.find(|token| {
            !matches!(token.kind, Comment | LeftParenthesis | SqlType) && !token.is_unary_operator()
        });
        let Some(first) = first else {
            return false;
        };
        self.put(0, first);
        self.filled = 1;
        true
    }

    /// Returns how many tokens the fingerprint has.
    fn fold(&mut self) -> usize {
        loop {
            scan::count(0);
            if self.filled >= FINGERPRINT_LIMIT {
                self.fold_full();
            }
            if !self.has_more || self.done >= FINGERPRINT_LIMIT {
                self.done = self.filled;
                break;
            }
            self.read_up_to(2);
            if self.ahead() < 2 {
                self.done = self.filled;
                continue;
            }
            match self.fold_two() {
                Outcome::Folded => continue,
                Outcome::Evil => return self.done + 2,
                Outcome::Unchanged => {}
            }
            self.read_up_to(3);
            if self.ahead() < 3 {
                self.done = self.filled;
                continue;
            }
            match self.fold_three() {
                Outcome::Folded => continue,
                _ => self.done += 1,
            }
        }
        if let Some(comment) = self.last_comment
            && self.done < FINGERPRINT_LIMIT
        {
            self.put(self.done, comment);
            self.done += 1;
        }
        self.done.min(FINGERPRINT_LIMIT)
    }

    fn at(&self, index: usize) -> Token<'a> {
        self.tokens[index % SLOTS]
    }

    fn kind(&self, index: usize) -> Kind {
        self.at(index).kind
    }

    fn put(&mut self, index: usize, token: Token<'a>) {
        self.tokens[index % SLOTS] = token;
    }

    fn put_kind(&mut self, index: usize, kind: Kind) {
        self.tokens[index % SLOTS].kind = kind;
    }

    /// How many tokens wait to be folded.
    fn ahead(&self) -> usize {
        self.filled.saturating_sub(self.done)
    }

    fn read_up_to(&mut self, wanted: usize) {
        while self.has_more && self.filled <= FINGERPRINT_LIMIT && self.ahead() < wanted {
            match self.source.next() {
                None => self.has_more = false,
                Some(comment) if comment.kind == Comment => self.last_comment = Some(comment),
                Some(token) => {
                    self.last_comment = None;
                    self.put(self.filled, token);
                    self.filled += 1;
                }
            }
        }
    }

    /// Drops the last `count` tokens and begins again at the front.
    fn drop_last(&mut self, count: usize) -> Outcome {
        self.filled = self.filled.saturating_sub(count);
        self.done = 0;
        Outcome::Folded
    }

    /// Drops the last token and steps back by one.
    fn drop_one_and_step_back(&mut self) -> Outcome {
        self.filled = self.filled.saturating_sub(1);
        self.done = self.done.saturating_sub(1);
        Outcome::Folded
    }

    /// Five tokens that are an expression in parentheses count as their first one.
    fn fold_full(&mut self) {
        let kinds = [0, 1, 2, 3, 4].map(|index| self.kind(index));
        let is_expression = matches!(
            kinds,
            [
                Number,
                Operator | Comma,
                LeftParenthesis,
                Number,
                RightParenthesis
            ] | [
                Bareword,
                Operator,
                LeftParenthesis,
                Bareword | Number,
                RightParenthesis
            ] | [Number, RightParenthesis, Comma, LeftParenthesis, Number]
                | [
                    Bareword,
                    RightParenthesis,
                    Operator,
                    LeftParenthesis,
                    Bareword
                ]
        );
        if !is_expression {
            return;
        }
        self.done = 0;
        if self.filled > FINGERPRINT_LIMIT {
            self.put(1, self.at(FINGERPRINT_LIMIT));
            self.filled = 2;
        } else {
            self.filled = 1;
        }
    }

    fn fold_two(&mut self) -> Outcome {
        let (left, right) = (self.done, self.done + 1);
        let (a, b) = (self.at(left), self.at(right));
        match (a.kind, b.kind) {
            // Adjacent strings are one, repeated semicolons too.
            (String, String) | (Semicolon, Semicolon) => {
                self.filled = self.filled.saturating_sub(1);
                return Outcome::Folded;
            }
            (Operator | Logic, SqlType) => return self.drop_last(1),
            (Operator | Logic, _) if b.is_unary_operator() => return self.drop_last(1),
            (LeftParenthesis, _) if b.is_unary_operator() => return self.drop_one_and_step_back(),
            _ => {}
        }
        if let Some(phrase) = merged(a, b) {
            self.put(left, phrase);
            return self.drop_one_and_step_back();
        }
        match (a.kind, b.kind) {
            // After a semicolon IF is control flow of Transact-SQL.
            (Semicolon, Function) if b.begins_with("IF") => self.put_kind(right, Tsql),
            (Bareword | Variable, LeftParenthesis) if a.is_one_of(&CALLABLE) => {
                self.put_kind(left, Function);
            }
            (Keyword, _) if a.is_one_of(&["IN", "NOT IN"]) => {
                let is_list = b.kind == LeftParenthesis;
                self.put_kind(left, if is_list { Operator } else { Bareword });
            }
            (Operator, _) if a.is_one_of(&["LIKE", "NOT LIKE"]) => {
                if b.kind == LeftParenthesis {
                    self.put_kind(left, Function);
                }
                return Outcome::Unchanged;
            }
            (
                SqlType,
                Bareword | Number | SqlType | LeftParenthesis | Function | Variable | String,
            ) => {
                self.put(left, b);
                return self.drop_last(1);
            }
            (Collate, Bareword) => {
                // Collations are too many to list, but their names have an underscore.
                if has_underscore(b.value) {
                    self.put_kind(right, SqlType);
                    self.done = 0;
                }
                return Outcome::Unchanged;
            }
            (Backslash, _) => {
                // SQL Server reads `\%1` as `0 % 1` and `\1` as `1`.
                if b.is_arithmetic_operator() {
                    self.put_kind(left, Number);
                    return self.drop_last(0);
                }
                self.put(left, b);
                return self.drop_last(1);
            }
            (LeftParenthesis, LeftParenthesis)
            | (RightParenthesis, RightParenthesis)
            | (_, RightBrace) => return self.drop_last(1),
            (LeftBrace, Bareword) => {
                if b.value.is_empty() {
                    // MySQL takes {``.``.id} for the column `id`.
                    self.put_kind(right, Evil);
                    return Outcome::Evil;
                }
                // ODBC's `{name expression}` is the expression.
                return self.drop_last(2);
            }
            _ => return Outcome::Unchanged,
        }
        Outcome::Folded
    }

    fn fold_three(&mut self) -> Outcome {
        let (a, b, c) = (
            self.at(self.done),
            self.at(self.done + 1),
            self.at(self.done + 2),
        );
        let is_signed = b.is_unary_operator();
        match (a.kind, b.kind, c.kind) {
            (Number, Operator, Number)
            | (Logic, _, Logic)
            | (Variable, Operator, Variable | Number | Bareword)
            | (Bareword | Number, Operator, Number | Bareword)
            | (
                Bareword | Number | String | Variable,
                Comma,
                Number | Bareword | String | Variable,
            ) => self.drop_last(2),
            (Operator, middle, Operator) if middle != LeftParenthesis => self.drop_last(2),
            (Bareword | Number | Variable | String, Operator, SqlType) if b.value == b"::" => {
                self.drop_last(2)
            }
            (Expression | Group | Comma, _, LeftParenthesis)
            | (Keyword | Expression | Group, _, Number | Bareword | Variable | String | Function)
            | (Comma, _, Function)
                if is_signed =>
            {
                self.replace_middle(c);
                self.drop_last(1)
            }
            // `1,-1` counts as `1`, like `1,1`: the comma goes, too.
            (Comma, _, Number | Bareword | Variable | String) if is_signed => {
                self.replace_middle(c);
                self.drop_last(3)
            }
            (Bareword, Dot, Bareword) => self.drop_last(2),
            (Expression, Dot, Bareword) => {
                self.replace_middle(c);
                self.drop_last(1)
            }
            (Function, LeftParenthesis, last) => {
                // USER() takes no argument; with one it is no function.
                if last != RightParenthesis && a.is_one_of(&["USER"]) {
                    self.put_kind(self.done, Bareword);
                }
                Outcome::Unchanged
            }
            _ => Outcome::Unchanged,
        }
    }

    fn replace_middle(&mut self, token: Token<'a>) {
        self.put(self.done + 1, token);
    }
}

/// The phrase that two words make, such as `UNION ALL`.
fn merged<'a>(a: Token<'a>, b: Token<'a>) -> Option<Token<'a>> {
    let is_word = |kind| {
        matches!(
            kind,
            Keyword | Bareword | Operator | Union | Function | Expression | Tsql | SqlType
        )
    };
    if !is_word(a.kind) || !(is_word(b.kind) || b.kind == Logic) {
        return None;
    }
    let phrase = tables::phrase(a.value, b.value)?;
    Some(Token {
        value: phrase.text,
        kind: phrase.kind,
        ..a
    })
}

/// Whether there is an underscore before the first NUL, where a C string ends.
fn has_underscore(value: &[u8]) -> bool {
    value
        .iter()
        .take_while(|&&byte| byte != 0)
        .any(|&byte| byte == b'_')
}
