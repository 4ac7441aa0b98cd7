//! What a call asks for: pings, and the abuses of `system.multicall`.

use super::reason::Reason;
use crate::body::xmlrpc::{Call, SubCall};

/// Most calls in a `system.multicall`. Clients that bundle at all bundle a dozen; password guessers bundle hundreds.
pub const MAX_BUNDLED_CALLS: usize = 50;

/// What a call, or the calls in a bundle, ask for.
#[derive(Default)]
pub(super) struct Survey<'c> {
    /// The first ping.
    pub(super) ping: Option<SubCall<'c>>,
    /// How many calls there are.
    pub(super) count: usize,
    pub(super) reasons: Vec<Reason>,
}

/// Looks at every call.
///
/// A bundle is judged by what it multiplies. One ping, or any number of calls under one login, is no more than the same calls
/// sent one by one; several pings, several logins, or a call whose only use is to try a login, are.
pub(super) fn survey(call: &Call) -> Survey<'_> {
    let is_bundle = **call.method() == *MULTICALL;
    let mut survey = Survey::default();
    let mut login = None;
    for sub_call in call.calls() {
        let Ok(sub_call) = sub_call else {
            survey.reasons.push(Reason::NotXmlRpc);
            break;
        };
        survey.count += 1;
        let method = sub_call.method.to_ascii_lowercase();
        if method == LISTING {
            survey.reasons.push(Reason::PingbackListing);
        }
        if is_bundle {
            let credentials = sub_call.credentials();
            let another_login = credentials.is_some_and(|mine| *login.get_or_insert(mine) != mine);
            if another_login || is_login(&method) {
                survey.reasons.push(Reason::PasswordGuessing);
            }
            if method == MULTICALL
                || method == PING && survey.ping.is_some()
                || survey.count > MAX_BUNDLED_CALLS
            {
                survey.reasons.push(Reason::Multicall);
            }
        }
        if method == PING {
            survey.ping.get_or_insert(sub_call);
        }
    }
    survey.reasons.dedup();
    survey
}

const MULTICALL: &[u8] = b"system.multicall";
const PING: &[u8] = b"pingback.ping";
const LISTING: &[u8] = b"pingback.extensions.getpingbacks";

/// Methods, in lower case, that serve to find out whether a login is right, and that nobody needs in a bundle.
fn is_login(method: &[u8]) -> bool {
    method.ends_with(b".getusersblogs") || method == b"blogger.getuserinfo"
}
