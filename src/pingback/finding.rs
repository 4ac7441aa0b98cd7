//! The outcome of an inspection.

use super::reason::{Reason, Weight};

/// From this score on, signals that refuse nothing by themselves make a call spam: three of them, and more than any genuine
/// sender is known to have. The shipped rules let the administrator choose another threshold.
pub const SPAM_SCORE: u32 = 5;

/// From this score on a call is suspicious: two signals.
pub const SUSPICIOUS_SCORE: u32 = 3;

/// What a call is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Verdict {
    /// Not a pingback, and nothing that abuses XML-RPC: none of our business.
    #[default]
    NotAPing,
    /// A ping as genuine senders make them.
    Genuine,
    /// A sound ping with several oddities.
    Suspicious,
    /// A ping that is malformed, or that asks for what is not given.
    Spam,
    /// A call made to do harm: scanning an inner network, guessing passwords, multiplying pings.
    Abuse,
}

impl Verdict {
    /// All verdicts on pings, the mildest first.
    pub const OF_PINGS: [Verdict; 4] = [
        Verdict::Genuine,
        Verdict::Suspicious,
        Verdict::Spam,
        Verdict::Abuse,
    ];

    /// The verdict on a ping that has this name.
    pub fn lookup(name: &[u8]) -> Option<Verdict> {
        let mut verdicts = Verdict::OF_PINGS.into_iter();
        verdicts.find(|verdict| verdict.name().as_bytes() == name)
    }

    /// The value of `PINGBACK:verdict`; `not-a-ping` is never one, the collection is then empty.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::NotAPing => "not-a-ping",
            Verdict::Genuine => "genuine",
            Verdict::Suspicious => "suspicious",
            Verdict::Spam => "spam",
            Verdict::Abuse => "abuse",
        }
    }
}

/// What an inspection found. By default: no ping, no call, nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Finding {
    /// What the call is, by the default threshold.
    pub verdict: Verdict,
    /// What stands against it, each once, in the order of [`Reason::ALL`].
    pub reasons: Vec<Reason>,
    /// What the signals among the reasons add up to. Reasons that decide by themselves have no points.
    pub score: u32,
    /// What exactly is wrong with a body that could not be read as a call: a sentence, with the place where there is one.
    pub detail: Option<String>,
    /// The source of the ping as sent, without white space around it and at most [`MAX_URL`](super::url::MAX_URL) bytes of it; of
    /// several pings, the first one's. `None` when there is no ping, empty when the ping has no parameters.
    pub source: Option<Vec<u8>>,
    /// The target of the ping likewise.
    pub target: Option<Vec<u8>>,
    /// The host of the source, where that is a URL: what several pings have in common.
    pub source_host: Option<String>,
    /// Host and path of the target likewise: one name for a page, however it is written.
    pub target_page: Option<String>,
    /// The method called; `None` when the body is not an XML-RPC call.
    pub method: Option<Vec<u8>>,
    /// How many calls the body makes: 1, or what a `system.multicall` bundles; 0 when it is not an XML-RPC call.
    pub method_count: usize,
}

impl Finding {
    /// Puts the reasons in order and draws the conclusion.
    pub(super) fn conclude(&mut self) {
        self.reasons = Reason::ALL
            .iter()
            .copied()
            .filter(|reason| self.reasons.contains(reason))
            .collect();
        let points = self.reasons.iter().map(|reason| match reason.weight() {
            Weight::Points(points) => points,
            _ => 0,
        });
        self.score = points.sum();
        let by_score = match self.score {
            SPAM_SCORE.. => Verdict::Spam,
            SUSPICIOUS_SCORE.. => Verdict::Suspicious,
            _ => Verdict::Genuine,
        };
        let by_reason = self.reasons.iter().map(|reason| match reason.weight() {
            Weight::Abusive => Verdict::Abuse,
            Weight::Malformed | Weight::Refused => Verdict::Spam,
            Weight::Points(_) => Verdict::Genuine,
        });
        self.verdict = by_reason.fold(by_score, Verdict::max);
    }

    /// Whether nothing decides against the ping so far, so that it is worth a look at its source.
    pub fn is_open(&self) -> bool {
        matches!(self.verdict, Verdict::Genuine | Verdict::Suspicious) && self.target.is_some()
    }

    /// The source was looked at and does not link to the target.
    pub fn refute(&mut self) {
        self.reasons.push(Reason::Unverified);
        self.conclude();
    }

    /// The `PINGBACK` collection: keys and values in order. Empty for what is not a ping.
    ///
    /// `verdict`, `score`, `detail`, `source`, `target`, and `reason` once for every reason.
    pub fn variables(&self) -> Vec<(&'static str, Vec<u8>)> {
        if self.verdict == Verdict::NotAPing {
            return Vec::new();
        }
        let mut variables = vec![
            ("verdict", self.verdict.name().into()),
            ("score", self.score.to_string().into_bytes()),
        ];
        variables.extend(
            self.detail
                .clone()
                .map(|detail| ("detail", detail.into_bytes())),
        );
        variables.extend(self.source.clone().map(|source| ("source", source)));
        variables.extend(self.target.clone().map(|target| ("target", target)));
        let of_urls = [
            ("source_host", &self.source_host),
            ("target_page", &self.target_page),
        ];
        variables.extend(
            of_urls
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.clone()?.into_bytes()))),
        );
        variables.extend(
            self.reasons
                .iter()
                .map(|reason| ("reason", reason.name().into())),
        );
        variables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn concluded(reasons: &[Reason]) -> Finding {
        let mut finding = Finding {
            reasons: reasons.to_vec(),
            ..Finding::default()
        };
        finding.conclude();
        finding
    }

    #[test]
    fn signals_add_up_and_none_decides_alone() {
        let signals: Vec<Reason> = Reason::ALL
            .iter()
            .copied()
            .filter(|r| matches!(r.weight(), Weight::Points(_)))
            .collect();
        assert_eq!(concluded(&[]).verdict, Verdict::Genuine);
        for (i, &one) in signals.iter().enumerate() {
            assert_eq!(concluded(&[one]).verdict, Verdict::Genuine, "{one:?}");
            for (j, &two) in signals.iter().enumerate().skip(i + 1) {
                assert_eq!(
                    concluded(&[one, two]).verdict,
                    Verdict::Suspicious,
                    "{one:?} {two:?}"
                );
                for &three in signals.iter().skip(j + 1) {
                    assert_eq!(
                        concluded(&[one, two, three]).verdict,
                        Verdict::Spam,
                        "{one:?} {two:?} {three:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn faults_decide_and_have_no_points() {
        for &reason in Reason::ALL {
            let expected = match reason.weight() {
                Weight::Points(_) => continue,
                Weight::Abusive => Verdict::Abuse,
                _ => Verdict::Spam,
            };
            let finding = concluded(&[reason]);
            assert_eq!(
                (finding.verdict, finding.score),
                (expected, 0),
                "{reason:?}"
            );
        }
        assert_eq!(
            concluded(&[Reason::Arity, Reason::OddPort, Reason::Chunked]).verdict,
            Verdict::Abuse
        );
    }

    #[test]
    fn variables_of_a_collection() {
        let mut finding = concluded(&[Reason::Chunked, Reason::RootTarget, Reason::Chunked]);
        finding.detail = Some("x".to_owned());
        finding.source = Some(b"http://a.example/x".to_vec());
        finding.target = Some(b"http://b.example/".to_vec());
        let text: Vec<String> = finding
            .variables()
            .iter()
            .map(|(key, value)| format!("{key}={}", value.escape_ascii()))
            .collect();
        assert_eq!(
            text,
            [
                "verdict=spam",
                "score=2",
                "detail=x",
                "source=http://a.example/x",
                "target=http://b.example/",
                "reason=root-target",
                "reason=chunked"
            ]
        );
        assert!(Finding::default().variables().is_empty());
    }
}
