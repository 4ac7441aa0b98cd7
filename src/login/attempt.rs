//! One request in a section that audits logins, from its headers to its events.

use std::cell::OnceCell;
use std::sync::Arc;

use super::application::Kind;
use super::fields::Body;
use super::presets::{self, Watch};
use super::response::Response;
use super::xmlrpc::{self, Guess, Guesses};
use super::{ANSWER_LIMIT, Application, Channel, EVENTS_LIMIT, Event, Outcome, cooperative};

/// What is asked about a request. All of it is as the client sent it.
pub struct Request<'r> {
    /// The method.
    pub method: &'r [u8],
    /// The path as it came and as the server has rewritten it, both decoded.
    pub paths: [&'r [u8]; 2],
    /// The query string.
    pub query: &'r [u8],
    /// A header's value, by name in any case.
    pub header: &'r dyn Fn(&str) -> Option<Vec<u8>>,
}

/// How far it is.
#[derive(Debug)]
pub enum Progress {
    /// This happened; mostly nothing did. Nothing more will.
    Decided(Vec<Event>),
    /// The body of the response has to be read.
    ReadsAnswer,
}

/// A request that may be a login.
pub struct Attempt {
    applications: Arc<[Arc<Application>]>,
    watches: Vec<(Arc<Application>, Watch)>,
    body: Body,
    reads_body: bool,
    response: Response,
    answer: Vec<u8>,
    /// How much of it was looked at before the last piece came.
    looked_at: usize,
    /// The names in an XML-RPC call, once they were looked for.
    guesses: OnceCell<Guesses>,
    /// Bytes of the answer that are to come, where that is known.
    expected: Option<u64>,
    decided: bool,
}

/// What one watch says.
enum Verdict {
    Events(Vec<Event>),
    /// Not this one.
    Nothing,
    /// Nobody knows yet.
    ReadOn,
}

impl Attempt {
    /// Looks at a request.
    pub fn begin(applications: &Arc<[Arc<Application>]>, request: &Request<'_>) -> Attempt {
        let watches: Vec<_> = applications
            .iter()
            .filter_map(|application| Some((Arc::clone(application), application.watch(request)?)))
            .collect();
        let reads_body = watches.iter().any(|(application, watch)| match watch {
            Watch::XmlRpc => true,
            Watch::Form(_) => match &application.kind {
                Kind::Generic(generic) => generic.reads_body(),
                _ => true,
            },
            _ => false,
        });
        let content_type = reads_body
            .then(|| (request.header)("Content-Type"))
            .flatten();
        Attempt {
            applications: Arc::clone(applications),
            watches,
            body: Body::new(content_type.unwrap_or_default()),
            reads_body,
            response: Response::default(),
            answer: Vec::new(),
            looked_at: 0,
            guesses: OnceCell::new(),
            expected: None,
            decided: false,
        }
    }

    /// Whether it wants to see the body of the request, or more of it.
    pub fn reads_body(&self) -> bool {
        self.reads_body && !self.decided && !self.body.is_full()
    }

    /// Whether it may want to see the body of the response: then it must not be compressed.
    pub fn may_read_answer(&self) -> bool {
        self.watches.iter().any(|(application, watch)| match watch {
            Watch::XmlRpc | Watch::Rest(_) => true,
            Watch::Form(_) => application.reads_answer(),
            _ => false,
        })
    }

    /// Takes a piece of the request's body that the application is about to get.
    pub fn take_body(&mut self, piece: &[u8]) {
        if self.reads_body() {
            self.body.take(piece);
        }
    }

    /// Takes the headers of the response.
    ///
    /// `handled`: an application has answered. Otherwise the request was refused before it came to one, and only the server's own
    /// word on credentials counts.
    pub fn respond(&mut self, response: Response, handled: bool) -> Progress {
        if self.decided {
            return Progress::Decided(Vec::new());
        }
        if !handled {
            let refused = response.status == 401;
            self.watches
                .retain(|(_, watch)| refused && matches!(watch, Watch::Basic(_)));
        }
        let length = response.header("Content-Length").next();
        self.expected =
            length.and_then(|length| std::str::from_utf8(length).ok()?.trim().parse().ok());
        self.response = response;
        if let Some(events) = self.said() {
            self.decided = true;
            return Progress::Decided(events);
        }
        match self.judge(false) {
            Some(events) => Progress::Decided(events),
            None => Progress::ReadsAnswer,
        }
    }

    /// Takes a piece of the response's body. `Some`: it is decided.
    pub fn take_answer(&mut self, piece: &[u8]) -> Option<Vec<Event>> {
        if self.decided {
            return Some(Vec::new());
        }
        self.looked_at = self.answer.len();
        let room = ANSWER_LIMIT - self.answer.len().min(ANSWER_LIMIT);
        self.answer
            .extend_from_slice(piece.get(..room).unwrap_or(piece));
        let length = self.answer.len();
        let all = self
            .expected
            .is_some_and(|expected| length as u64 >= expected);
        self.judge(all || length == ANSWER_LIMIT)
    }

    /// The response has ended.
    pub fn end(&mut self) -> Vec<Event> {
        match self.decided {
            true => Vec::new(),
            false => self.judge(true).unwrap_or_default(),
        }
    }

    /// What the application said itself.
    fn said(&self) -> Option<Vec<Event>> {
        let mut said = self.response.said.iter();
        let said: Vec<_> = said
            .by_ref()
            .filter_map(|value| cooperative::said(value))
            .collect();
        let application = self.applications.first().filter(|_| !said.is_empty())?;
        let events = said.into_iter().take(EVENTS_LIMIT).filter_map(|said| {
            let (from, user) = match said.user {
                Some(user) => (None, Some(user)),
                None => self
                    .named()
                    .map_or((None, None), |(from, user)| (Some(from), user)),
            };
            Some(Event {
                application: Arc::clone(from.unwrap_or(application)),
                outcome: said.outcome?,
                channel: said.channel,
                user,
                session: None,
            })
        });
        Some(events.collect())
    }

    /// Whom the request names.
    fn named(&self) -> Option<(&Arc<Application>, Option<Vec<u8>>)> {
        self.watches.iter().find_map(|(application, watch)| {
            let user = match watch {
                Watch::Form(before) => application.is_login(before, &self.body.fields())?,
                Watch::Basic(known) | Watch::Rest(known) | Watch::Api(known) => known.user.clone(),
                Watch::Logout(before) => before.user(),
                Watch::XmlRpc => return None,
            };
            Some((application, user))
        })
    }

    /// Asks every watch in turn; `None`: one of them wants more of the answer.
    fn judge(&mut self, ended: bool) -> Option<Vec<Event>> {
        let mut events = Vec::new();
        for (application, watch) in &self.watches {
            match self.ask(application, watch, ended) {
                Verdict::Events(found) => {
                    events = found;
                    break;
                }
                Verdict::Nothing => {}
                Verdict::ReadOn => return None,
            }
        }
        self.decided = true;
        Some(events)
    }

    fn ask(&self, application: &Arc<Application>, watch: &Watch, ended: bool) -> Verdict {
        let response = &self.response;
        let (channel, known, outcome) = match watch {
            Watch::Form(before) => return self.form(application, before, ended),
            Watch::XmlRpc => return self.xmlrpc(application, ended),
            Watch::Logout(before) => {
                let left = application.has_left(before, response);
                let event = event(application, Channel::Form, Outcome::Logout, before.user());
                return match left {
                    true => Verdict::Events(vec![event]),
                    false => Verdict::Nothing,
                };
            }
            Watch::Rest(_) if response.status == 401 && !ended => return Verdict::ReadOn,
            Watch::Rest(known) => (Channel::Rest, known, presets::rest(response, &self.answer)),
            Watch::Api(known) => (Channel::Api, known, presets::api(response)),
            Watch::Basic(known) => (Channel::Basic, known, presets::basic(response)),
        };
        let Some(outcome) = outcome else {
            return Verdict::Nothing;
        };
        Verdict::Events(vec![Event {
            session: (outcome == Outcome::Success).then_some(known.session),
            ..event(application, channel, outcome, known.user.clone())
        }])
    }

    fn form(
        &self,
        application: &Arc<Application>,
        before: &presets::Before,
        ended: bool,
    ) -> Verdict {
        if self.reads_body && !self.body.came() {
            return Verdict::Nothing;
        }
        if application.reads_answer() && !ended {
            return Verdict::ReadOn;
        }
        let Some(user) = application.is_login(before, &self.body.fields()) else {
            return Verdict::Nothing;
        };
        match application.form(before, &self.response, &self.answer) {
            Some(outcome) => {
                Verdict::Events(vec![event(application, Channel::Form, outcome, user)])
            }
            None => Verdict::Nothing,
        }
    }

    fn xmlrpc(&self, application: &Arc<Application>, ended: bool) -> Verdict {
        if !self.body.came() {
            return Verdict::Nothing;
        }
        let call = || xmlrpc::guesses(self.body.call().as_ref());
        let guesses = self.guesses.get_or_init(call);
        let bundle = !matches!(guesses, Guesses::One(_));
        if *guesses == Guesses::None {
            return Verdict::Nothing;
        }
        let status = self.response.status;
        let refused = matches!(status, 401 | 403);
        if !refused && !(200..300).contains(&status) {
            return Verdict::Nothing;
        }
        if !refused && !ended && !xmlrpc::is_complete(&self.answer, self.looked_at, bundle) {
            return Verdict::ReadOn;
        }
        let answer = xmlrpc::answer(&self.answer);
        let whole = match (refused, answer.fault, answer.results) {
            (true, ..) => Some(Some(403)),
            (false, Some(code), _) => Some(Some(code)),
            (false, None, true) => Some(None),
            (false, None, false) => None,
        };
        let tell = |channel, guess: &Guess, code: Option<i32>| {
            let outcome = presets::fault(code)?;
            let told = guess.sure || outcome == Outcome::Failure;
            told.then(|| event(application, channel, outcome, guess.user.clone()))
        };
        let failed_whole = whole.flatten();
        let events: Vec<Event> = match guesses {
            Guesses::None => Vec::new(),
            Guesses::One(guess) => whole
                .and_then(|code| tell(Channel::XmlRpc, guess, code))
                .into_iter()
                .collect(),
            Guesses::Many(guesses) => guesses
                .iter()
                .filter_map(|guess| {
                    let code = match failed_whole {
                        Some(code) => Some(code),
                        None => *answer.items.get(guess.at)?,
                    };
                    tell(Channel::Multicall, guess, code)
                })
                .take(EVENTS_LIMIT)
                .collect(),
            Guesses::Unreadable => {
                let items = answer.items.iter().copied();
                let single = failed_whole.map(|code| (Channel::XmlRpc, Some(code)));
                let all = single
                    .into_iter()
                    .chain(items.map(|code| (Channel::Multicall, code)));
                all.filter_map(|(channel, code)| {
                    let unknown = Guess {
                        at: 0,
                        user: None,
                        sure: false,
                    };
                    tell(channel, &unknown, code)
                })
                .take(EVENTS_LIMIT)
                .collect()
            }
        };
        match events.is_empty() {
            true => Verdict::Nothing,
            false => Verdict::Events(events),
        }
    }
}

fn event(
    application: &Arc<Application>,
    channel: Channel,
    outcome: Outcome,
    user: Option<Vec<u8>>,
) -> Event {
    Event {
        application: Arc::clone(application),
        outcome,
        channel,
        user,
        session: None,
    }
}
