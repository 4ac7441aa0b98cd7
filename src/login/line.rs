//! The sentences: LoginSyslog's and wp-fail2ban's, which filters in use read, and a third one that none of them reads.

use super::{Channel, Event, Outcome};
use crate::audit::Severity;
use crate::client::ClientAddress;

/// Longest name in a line, in bytes, after escaping.
pub const LONGEST_NAME: usize = 128;

/// Whose wording lines have: `SecLoginAuditFormat`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// LoginSyslog's, the plugin for Known.
    #[default]
    LoginSyslog,
    /// wp-fail2ban's, the plugin for WordPress.
    WpFail2ban,
}

impl Format {
    /// `LoginSyslog` or `wp-fail2ban`, in any case.
    pub fn lookup(text: &str) -> Option<Format> {
        Some(match text.to_ascii_lowercase().as_str() {
            "loginsyslog" => Format::LoginSyslog,
            "wp-fail2ban" => Format::WpFail2ban,
            _ => return None,
        })
    }
}

/// The lines about a request's events, in order, and how urgent each is.
///
/// wp-fail2ban has one line for a bundle, however many guesses are in it.
pub fn messages<'e>(
    events: &'e [Event],
    format: Format,
    client: &ClientAddress,
) -> Vec<(&'e Event, Severity, String)> {
    let mut lines: Vec<(&Event, Severity, String)> = Vec::new();
    for event in events {
        let (severity, text) = message(event, format, client);
        let again = format == Format::WpFail2ban
            && event.channel == Channel::Multicall
            && lines.last().is_some_and(|(_, _, last)| *last == text);
        if !again {
            lines.push((event, severity, text));
        }
    }
    lines
}

/// A line about an event, and how urgent it is.
///
/// A failure ends in the client's address: whatever name was sent, the last ` from ` is ours. Of a client that cannot be blamed
/// (see [`ClientAddress::attributable`]) it says so in words that begin and end otherwise, and the name in it has no blanks.
fn message(event: &Event, format: Format, client: &ClientAddress) -> (Severity, String) {
    let is_failure = matches!(event.outcome, Outcome::Failure | Outcome::InvalidUser);
    let severity = match is_failure {
        true => Severity::NOTICE,
        false => Severity::INFO,
    };
    if is_failure && !client.attributable {
        let name = unbroken_name(event.user.as_deref().unwrap_or_default());
        let text = format!(
            "Unattributed login failure: user {name}, peer {} (no ban)",
            client.peer
        );
        return (severity, text);
    }
    let name = escaped_name(event.user.as_deref().unwrap_or_default());
    let what = match format {
        Format::LoginSyslog => login_syslog(event, &name),
        Format::WpFail2ban => wp_fail2ban(event, &name),
    };
    (severity, format!("{what} from {}", client.client))
}

fn login_syslog(event: &Event, name: &str) -> String {
    match (event.outcome, event.channel) {
        (Outcome::InvalidUser, _) => format!("Invalid user {name}"),
        (Outcome::Failure, Channel::Api) => "Authentication failure for API User".to_owned(),
        (Outcome::Failure, _) => format!("Authentication failure for {name}"),
        (Outcome::Success, _) => format!("Accepted login for {name}"),
        (Outcome::Logout, _) => format!("User logged out {name}"),
    }
}

fn wp_fail2ban(event: &Event, name: &str) -> String {
    let is_empty = event.user.as_ref().is_some_and(Vec::is_empty);
    match (event.outcome, event.channel) {
        (Outcome::Success, _) => format!("Accepted password for {name}"),
        (Outcome::Logout, _) => format!("User logged out {name}"),
        (_, Channel::Multicall) => "XML-RPC multicall authentication failure".to_owned(),
        (Outcome::InvalidUser, _) => format!("Authentication attempt for unknown user {name}"),
        (Outcome::Failure, Channel::Form) if is_empty => "Empty username".to_owned(),
        (Outcome::Failure, Channel::XmlRpc) => format!("XML-RPC authentication failure for {name}"),
        (Outcome::Failure, Channel::Rest) => format!("REST authentication failure for {name}"),
        (Outcome::Failure, _) => format!("Authentication failure for {name}"),
    }
}

/// A name as lines have it: printable UTF-8 as it is, blanks included; every other byte, and the backslash, as `\xHH`; at most
/// [`LONGEST_NAME`] bytes; `-` where there is none.
pub fn escaped_name(name: &[u8]) -> String {
    written(name, |character| {
        let steers = matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        !character.is_control() && !steers && character != '\\'
    })
}

/// A name as one word: nothing but visible ASCII.
fn unbroken_name(name: &[u8]) -> String {
    written(name, |character| {
        character.is_ascii_graphic() && character != '\\'
    })
}

/// Writes a name, character by character, until no more fits.
fn written(name: &[u8], is_plain: impl Fn(char) -> bool) -> String {
    let mut text = String::new();
    let escaped = |bytes: &[u8]| -> String {
        let bytes = bytes.iter();
        bytes.map(|byte| format!("\\x{byte:02x}")).collect()
    };
    let name = name.get(..LONGEST_NAME + 4).unwrap_or(name);
    let pieces = name.utf8_chunks().flat_map(|chunk| {
        let plain = chunk.valid().chars().map(|character| {
            let mut bytes = [0; 4];
            let encoded = character.encode_utf8(&mut bytes);
            match is_plain(character) {
                true => encoded.to_owned(),
                false => escaped(encoded.as_bytes()),
            }
        });
        let odd = chunk.invalid().iter().map(|byte| escaped(&[*byte]));
        plain.chain(odd).collect::<Vec<_>>()
    });
    for piece in pieces {
        if text.len() + piece.len() > LONGEST_NAME {
            break;
        }
        text.push_str(&piece);
    }
    match text.trim().is_empty() {
        true => "-".to_owned(),
        false => text,
    }
}
