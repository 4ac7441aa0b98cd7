//! What can stand against a call, and what each finding is worth.

/// How much a [`Reason`] counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weight {
    /// The call is not what the protocol says: no genuine sender makes such a call, and the answer is 400.
    Malformed,
    /// The call can be read, and asks for what is not given: the answer is 403.
    Refused,
    /// As [`Weight::Refused`], and the call is made to do harm, here or elsewhere.
    Abusive,
    /// An oddity that some genuine senders have too. It refuses nothing by itself; its points add up with others'.
    Points(u32),
}

macro_rules! reasons {
    ($($kind:ident $name:literal $weight:expr, $description:literal;)*) => {
        /// One thing that stands against a call. The names are stable: rules, counters and dashboards use them.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Reason {
            $(#[doc = $description] $kind,)*
        }

        impl Reason {
            /// All reasons, in the order in which they are reported.
            pub const ALL: &'static [Reason] = &[$(Reason::$kind),*];

            /// The name that `PINGBACK:reason`, logs and counters have.
            pub fn name(self) -> &'static str {
                match self { $(Reason::$kind => $name),* }
            }

            /// How much it counts.
            pub fn weight(self) -> Weight {
                match self { $(Reason::$kind => $weight),* }
            }

            /// The reason that has this name.
            pub fn lookup(name: &[u8]) -> Option<Reason> {
                match name {
                    $(name if name == $name.as_bytes() => Some(Reason::$kind),)*
                    _ => None,
                }
            }

            /// A sentence for people.
            pub fn description(self) -> &'static str {
                match self { $(Reason::$kind => $description),* }
            }
        }
    };
}

use Weight::{Abusive, Malformed, Points, Refused};

reasons! {
    MalformedXml "malformed-xml" Malformed, "The XML is not well-formed.";
    EncodingLabel "encoding-label" Malformed, "The text is not in the encoding that it says it is in.";
    Doctype "doctype" Malformed, "There is a document type declaration; XML-RPC has none, entity bombs do.";
    NotXmlRpc "not-xmlrpc" Malformed, "The XML is not an XML-RPC call, or the bundle of a system.multicall is not made of calls.";
    Arity "arity" Malformed, "pingback.ping has two parameters, no fewer and no more.";
    Type "type" Malformed, "Both parameters of pingback.ping are strings.";
    BadSourceUrl "bad-source-url" Malformed, "The source is not an absolute http or https URL, or its host is written in disguise.";
    BadTargetUrl "bad-target-url" Malformed, "The target is not an absolute http or https URL, or its host is written in disguise.";
    TargetNotHere "target-not-here" Refused, "The target's host is no ServerName or ServerAlias of this server.";
    RootTarget "root-target" Refused, "The target is a bare host or `/`, not a page.";
    SameUrl "same-url" Refused, "Source and target are the same page.";
    Userinfo "userinfo" Refused, "Source or target carry a user name or password.";
    Unverified "unverified" Refused, "The source was looked at, and does not link to the target.";
    PrivateSource "private-source" Abusive, "The source is not on the public Internet: fetching it would be asking around in an inner network.";
    OddPort "odd-port" Abusive, "The source is at a port other than 80 and 443: fetching it would be scanning ports.";
    Multicall "multicall" Abusive, "A system.multicall bundles several pings, another bundle, or too many calls.";
    PasswordGuessing "password-guessing" Abusive, "A system.multicall tries logins.";
    PingbackListing "pingback-listing" Abusive, "pingback.extensions.getPingbacks: nobody but harvesters calls it.";
    Chunked "chunked" Points(2), "The body came without a Content-Length, which XML-RPC demands.";
    BarePhpAgent "bare-php-agent" Points(2), "The User-Agent is nothing but PHP/x.y.z or the name of a PHP library.";
    NoAgent "no-agent" Points(2), "There is no User-Agent, which XML-RPC demands.";
    ContentType "content-type" Points(2), "The Content-Type is not text/xml or application/xml.";
    SpamTool "spam-tool" Points(2), "The body is chunked and the User-Agent nothing but PHP/x.y.z: PHP itself never does that, the program that spams does.";
    AddressSource "address-source" Points(2), "The source's host is an address and not a name.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_fit_for_rules_and_metrics() {
        let names: std::collections::HashSet<_> = Reason::ALL.iter().map(|r| r.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        for name in names {
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{name}"
            );
        }
    }
}
