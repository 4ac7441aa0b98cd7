//! `SecLoginAudit generic`: a login described by the administrator.

use super::response::{Response, SetCookie};
use crate::operators::rx::{Limits, Options, Pattern};

/// A login page and what its answers mean.
#[derive(Debug, Default)]
pub(super) struct Generic {
    /// `path=`
    pub(super) path: Option<Pattern>,
    /// `method=`, in capitals; `POST` where nothing is said.
    methods: Vec<String>,
    /// `user=`
    pub(super) user: User,
    /// `password=`: the field that audit records do not show.
    pub(super) password: Option<String>,
    /// `success=`, `invalid=`, `failure=`: any of a list.
    pub(super) success: Vec<Conditions>,
    pub(super) invalid: Vec<Conditions>,
    pub(super) failure: Vec<Conditions>,
    /// `logout=`: a path.
    pub(super) logout: Option<Pattern>,
}

/// Where the name is.
#[derive(Debug, Default)]
pub(super) enum User {
    /// Nowhere: the lines have `-`.
    #[default]
    Nowhere,
    /// In a field of the form, or a member of a JSON object.
    Field(String),
    /// In a request header.
    Header(String),
    /// In a parameter of the query string.
    Query(String),
}

/// Conditions that must hold together.
pub(super) type Conditions = Vec<Condition>;

/// What a response has, or has not.
#[derive(Debug)]
pub(super) struct Condition {
    negated: bool,
    what: What,
}

#[derive(Debug)]
enum What {
    Status(Vec<(u16, u16)>),
    /// A `Set-Cookie` of that name that does not delete it.
    Cookie(Text),
    Location(Text),
    /// A response header, and perhaps what is in it.
    Header(String, Option<Text>),
    Body(Text),
}

/// `~` and a regular expression, or a text.
#[derive(Debug)]
enum Text {
    Plain(Vec<u8>),
    Pattern(Box<Pattern>),
}

impl Text {
    fn parse(text: &str) -> Result<Text, String> {
        Ok(match text.strip_prefix('~') {
            Some(pattern) => Text::Pattern(Box::new(regex(pattern)?)),
            None => Text::Plain(text.as_bytes().to_vec()),
        })
    }

    /// The whole, or for a pattern any part of it.
    fn is(&self, value: &[u8]) -> bool {
        match self {
            Text::Plain(text) => text == value,
            Text::Pattern(pattern) => matches(pattern, value),
        }
    }

    /// Any part of it.
    fn is_in(&self, value: &[u8]) -> bool {
        match self {
            Text::Plain(text) => memchr::memmem::find(value, text).is_some(),
            Text::Pattern(pattern) => matches(pattern, value),
        }
    }
}

/// A pattern that would take too long does not match.
pub(super) fn matches(pattern: &Pattern, value: &[u8]) -> bool {
    pattern.is_match(value).unwrap_or(false)
}

fn regex(pattern: &str) -> Result<Pattern, String> {
    let options = Options::operator(Limits::default());
    Pattern::compile(pattern.as_bytes(), options)
        .map_err(|error| format!("{pattern:?} is no regular expression: {error}"))
}

impl Generic {
    /// Takes one `key=value`.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "path" => self.path = Some(regex(value)?),
            "logout" => self.logout = Some(regex(value)?),
            "method" => self.methods = value.split(',').map(str::to_ascii_uppercase).collect(),
            "user" => {
                self.user = match value.split_once(':') {
                    Some(("header", name)) => User::Header(name.to_owned()),
                    Some(("query", name)) => User::Query(name.to_owned()),
                    Some(("field", name)) => User::Field(name.to_owned()),
                    _ => User::Field(value.to_owned()),
                }
            }
            "password" => self.password = Some(value.to_owned()),
            "success" => self.success.push(conditions(value)?),
            "invalid" => self.invalid.push(conditions(value)?),
            "failure" => self.failure.push(conditions(value)?),
            _ => {
                return Err(format!(
                    "generic takes name, ident, path, method, user, password, success, failure, invalid and logout, not {key}"
                ));
            }
        }
        Ok(())
    }

    /// Itself, if it says enough.
    pub(super) fn checked(self) -> Result<Generic, String> {
        if self.path.is_none() && self.logout.is_none() {
            return Err(
                "generic wants path=, a regular expression for the path of the login".to_owned(),
            );
        }
        if self.path.is_some() && self.success.is_empty() && self.failure.is_empty() {
            return Err("generic wants success= or failure=, or it could tell nothing".to_owned());
        }
        Ok(self)
    }

    /// Whether a request with this method is one.
    pub(super) fn takes(&self, method: &[u8]) -> bool {
        match self.methods.is_empty() {
            true => method == b"POST",
            false => self.methods.iter().any(|known| known.as_bytes() == method),
        }
    }

    /// Whether the body of the response is asked for.
    pub(super) fn reads_answer(&self) -> bool {
        let all = [&self.success, &self.invalid, &self.failure];
        let mut conditions = all.into_iter().flatten().flatten();
        conditions.any(|condition| matches!(condition.what, What::Body(_)))
    }
}

/// Conditions with blanks between them: `status:302 cookie:~^sess !location:~/login`.
fn conditions(text: &str) -> Result<Conditions, String> {
    let conditions: Conditions = text
        .split_ascii_whitespace()
        .map(condition)
        .collect::<Result<_, _>>()?;
    match conditions.is_empty() {
        true => Err("there is no condition".to_owned()),
        false => Ok(conditions),
    }
}

fn condition(text: &str) -> Result<Condition, String> {
    let (negated, plain) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (kind, value) = plain
        .split_once(':')
        .filter(|(_, value)| !value.is_empty())
        .ok_or_else(|| {
            format!("{text:?} is no condition: status:, cookie:, location:, header: or body:")
        })?;
    let what = match kind {
        "status" => What::Status(statuses(value)?),
        "cookie" => What::Cookie(Text::parse(value)?),
        "location" => What::Location(Text::parse(value)?),
        "header" => match value.split_once('=') {
            Some((name, value)) => What::Header(name.to_owned(), Some(Text::parse(value)?)),
            None => What::Header(value.to_owned(), None),
        },
        "body" => What::Body(Text::parse(value)?),
        _ => {
            return Err(format!(
                "{text:?} is no condition: status:, cookie:, location:, header: or body:"
            ));
        }
    };
    Ok(Condition { negated, what })
}

/// `200`, `4xx`, `200-299`, and several with `|` or `,` between them.
fn statuses(text: &str) -> Result<Vec<(u16, u16)>, String> {
    let wrong = || format!("{text:?} is no status: 302, 4xx, 200-299, and | between several");
    let range = |text: &str| -> Option<(u16, u16)> {
        if let Some(class) = text.to_ascii_lowercase().strip_suffix("xx") {
            let class: u16 = class.parse().ok().filter(|class| (1..=5).contains(class))?;
            return Some((class * 100, class * 100 + 99));
        }
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let (from, to) = (from.parse().ok()?, to.parse().ok()?);
        (from >= 100 && from <= to && to <= 599).then_some((from, to))
    };
    text.split(['|', ','])
        .map(|one| range(one).ok_or_else(wrong))
        .collect()
}

/// Whether any of these hold for a response and what was read of its body.
pub(super) fn any(conditions: &[Conditions], response: &Response, answer: &[u8]) -> bool {
    conditions
        .iter()
        .any(|all| all.iter().all(|one| one.holds(response, answer)))
}

impl Condition {
    fn holds(&self, response: &Response, answer: &[u8]) -> bool {
        let holds = match &self.what {
            What::Status(ranges) => ranges
                .iter()
                .any(|(from, to)| (*from..=*to).contains(&response.status)),
            What::Cookie(name) => response
                .cookies()
                .any(|cookie: SetCookie<'_>| !cookie.deletes && name.is(cookie.name)),
            What::Location(text) => response.header("Location").any(|value| text.is_in(value)),
            What::Header(name, None) => response.header(name).next().is_some(),
            What::Header(name, Some(text)) => response.header(name).any(|value| text.is_in(value)),
            What::Body(text) => text.is_in(answer),
        };
        holds != self.negated
    }
}
