//! `SecLoginAudit`: which application answers in a section.

use super::conditions::Generic;

/// An application whose logins are audited.
#[derive(Debug)]
pub struct Application {
    pub(super) kind: Kind,
    name: String,
    ident: String,
}

/// What is known of an application.
#[derive(Debug)]
pub(super) enum Kind {
    Known,
    WordPress,
    Elgg,
    Nextcloud,
    Drupal,
    PhpMyAdmin,
    /// `Authorization: Basic` and `Digest`, whoever checks them.
    Basic,
    /// One that says by itself what happened: nothing is guessed.
    Cooperative,
    Generic(Box<Generic>),
}

/// A directive's word, what stands in front of its lines, and what it means.
type Preset = (&'static str, &'static str, fn() -> Kind);

const PRESETS: [Preset; 8] = [
    // LoginSyslog's own name for itself, which its filter for fail2ban asks for.
    ("known", "idno", || Kind::Known),
    ("wordpress", "wordpress", || Kind::WordPress),
    ("elgg", "elgg", || Kind::Elgg),
    ("nextcloud", "nextcloud", || Kind::Nextcloud),
    ("drupal", "drupal", || Kind::Drupal),
    ("phpmyadmin", "phpmyadmin", || Kind::PhpMyAdmin),
    ("basic", "httpd", || Kind::Basic),
    ("cooperative", "httpd", || Kind::Cooperative),
];

impl Application {
    /// From the words of the directive: a preset or `generic`, and `key=value`. The error is a sentence for the administrator.
    pub fn parse(words: &[String]) -> Result<Application, String> {
        let (what, settings) = words.split_first().ok_or("it wants a preset or generic")?;
        let known = PRESETS.iter();
        let preset = known
            .clone()
            .find(|(word, ..)| word.eq_ignore_ascii_case(what));
        let (mut name, mut ident, mut generic) = match preset {
            Some((word, ident, _)) => ((*word).to_owned(), (*ident).to_owned(), None),
            None if what.eq_ignore_ascii_case("generic") => {
                let generic = Generic::default();
                ("generic".to_owned(), "httpd".to_owned(), Some(generic))
            }
            None => {
                let words: Vec<_> = known.map(|(word, ..)| *word).collect();
                let words = words.join(", ");
                return Err(format!(
                    "there is no preset {what:?}, only {words}, and generic with key=value"
                ));
            }
        };
        for setting in joined(settings) {
            let (key, value) = setting
                .split_once('=')
                .ok_or_else(|| format!("{setting:?} is not key=value"))?;
            let key = key.to_ascii_lowercase();
            match (key.as_str(), &mut generic) {
                ("name", _) => name = identifier(&key, value)?,
                ("ident", _) => ident = identifier(&key, value)?,
                (key, Some(generic)) => generic.set(key, value)?,
                _ => return Err(format!("{what} takes name= and ident=, not {key}=")),
            }
        }
        let kind = match (preset, generic) {
            (_, Some(generic)) => Kind::Generic(Box::new(generic.checked()?)),
            (Some((_, _, kind)), None) => kind(),
            (None, None) => Kind::Cooperative,
        };
        Ok(Application { kind, name, ident })
    }

    /// Its name, for counters: the preset's, or what `name=` says.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is called in front of a line: `ident=`.
    pub fn ident(&self) -> &str {
        &self.ident
    }
}

/// A name that stands in front of lines and in counters.
fn identifier(key: &str, value: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    match !value.is_empty() && value.len() <= 32 && value.bytes().all(allowed) {
        true => Ok(value.to_owned()),
        false => Err(format!(
            "{key}= must have 1 to 32 letters, digits, dots, dashes and underscores, not {value:?}"
        )),
    }
}

/// Words, where `key="a b"` is one: httpd takes a quotation mark for one only at the start of a word.
fn joined(words: &[String]) -> Vec<String> {
    let mut settings: Vec<String> = Vec::new();
    let mut open = false;
    for word in words {
        match settings.last_mut() {
            Some(setting) if open => {
                setting.push(' ');
                setting.push_str(word);
            }
            _ => settings.push(word.clone()),
        }
        let Some(setting) = settings.last_mut() else {
            continue;
        };
        let quoted = setting.split_once("=\"");
        open = quoted.is_some_and(|(_, value)| !value.ends_with('"'));
        if let Some((key, value)) = quoted
            && !open
        {
            *setting = format!("{key}={}", value.trim_end_matches('"'));
        }
    }
    settings
}
