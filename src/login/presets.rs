//! What is known of applications: which requests are logins, and what their answers mean.
//!
//! Sources: the applications' own code, and answers measured (WordPress 6.1). An answer that none of them gives says nothing.

use super::conditions::{Generic, User, any, matches};
use super::credentials::{Authorization, authorization, cookie, number};
use super::fields::{Field, Fields};
use super::response::Response;
use super::{Application, Outcome, Request, application::Kind};
use crate::operators::rx::Pattern;
use crate::transformations::{Env, Transformation};

/// Why a request is looked at.
#[derive(Debug)]
pub(super) enum Watch {
    /// A form, or a JSON object in its place.
    Form(Before),
    /// `Authorization`.
    Basic(Authorization),
    /// `Authorization`, in a call of WordPress's REST interface.
    Rest(Authorization),
    /// A signed call of an application's own interface.
    Api(Authorization),
    /// An XML-RPC call.
    XmlRpc,
    /// Whoever was logged in wants to go.
    Logout(Before),
}

/// What the request had that the answer is compared with.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// The session.
    session: Option<Vec<u8>>,
    /// The user, as a cookie, a header or the query string names him.
    user: Option<Vec<u8>>,
    /// A script asked, not a page.
    by_script: bool,
    /// `action` in the query string.
    action: Option<Vec<u8>>,
}

impl Application {
    /// Why a request is to be looked at, if it is.
    pub(super) fn watch(&self, request: &Request<'_>) -> Option<Watch> {
        let post = request.method == b"POST";
        let before = |session: &str| Before {
            session: request.cookie(|name| name == session.as_bytes()),
            by_script: (request.header)("X-Requested-With")
                .is_some_and(|value| value.eq_ignore_ascii_case(b"XMLHttpRequest")),
            action: Fields::of_query(request.query).value("action"),
            user: None,
        };
        let logged_in = |before: Before| before.session.is_some().then_some(Watch::Logout(before));
        match &self.kind {
            Kind::Known => {
                let header = |name: &str| (request.header)(name);
                if let (Some(user), Some(_)) =
                    (header("X-KNOWN-USERNAME"), header("X-KNOWN-SIGNATURE"))
                {
                    let session = number(&[b"known", &user]);
                    let user = Some(user);
                    Some(Watch::Api(Authorization { user, session }))
                } else if request.ends_in("/session/logout") {
                    logged_in(before("known"))
                } else {
                    (post && request.ends_in("/session/login"))
                        .then(|| Watch::Form(before("known")))
                }
            }
            Kind::WordPress => self.wordpress(request, post, before("")),
            Kind::Elgg if request.ends_in("/action/logout") => logged_in(before("Elgg")),
            Kind::Elgg => {
                (post && request.ends_in("/action/login")).then(|| Watch::Form(before("Elgg")))
            }
            Kind::Nextcloud if request.ends_in("/logout") => {
                let user = request
                    .cookie(|name| name == b"nc_username")
                    .map(|user| decoded(&user));
                user.is_some().then(|| {
                    Watch::Logout(Before {
                        user,
                        ..Before::default()
                    })
                })
            }
            Kind::Nextcloud if post && request.ends_in("/login") => Some(Watch::Form(before(""))),
            Kind::Nextcloud | Kind::Basic => request.authorization().map(Watch::Basic),
            Kind::Drupal if request.ends_in("/user/logout") => Some(Watch::Logout(before(""))),
            // The form also stands on other pages.
            Kind::Drupal => post.then(|| {
                let action = request.ends_in("/user/login").then(|| b"login".to_vec());
                Watch::Form(Before {
                    action,
                    ..Before::default()
                })
            }),
            Kind::PhpMyAdmin => {
                let leaves = Fields::of_query(request.query).value("route");
                match leaves.as_deref() {
                    Some(b"/logout") => Some(Watch::Logout(before(""))),
                    _ => post.then(|| Watch::Form(before(""))),
                }
            }
            Kind::Cooperative => None,
            Kind::Generic(generic) => generic.watch(request),
        }
    }

    fn wordpress(&self, request: &Request<'_>, post: bool, before: Before) -> Option<Watch> {
        if request.has_part("/wp-login.php") {
            if before.action.as_deref() == Some(b"logout") {
                let mine = |name: &[u8]| name.starts_with(b"wordpress_logged_in_");
                // `admin|1795347479|token|proof`, encoded.
                let user = request.cookie(mine).map(|value| {
                    let value = decoded(&value);
                    let end = memchr::memchr(b'|', &value).unwrap_or(value.len());
                    value.get(..end).unwrap_or_default().to_vec()
                });
                return Some(Watch::Logout(Before { user, ..before }));
            }
            return post.then_some(Watch::Form(before));
        }
        if request.has_part("/xmlrpc.php") {
            return post.then_some(Watch::XmlRpc);
        }
        let is_rest = request.has_part("/wp-json")
            || Fields::of_query(request.query).get("rest_route") != Field::Absent;
        request.authorization().filter(|_| is_rest).map(Watch::Rest)
    }

    /// Whether a form is a login, and whose.
    pub(super) fn is_login(&self, before: &Before, fields: &Fields) -> Option<Option<Vec<u8>>> {
        let with = |user: &str, password: &str| {
            let is = fields.may_have(user) || fields.may_have(password);
            is.then(|| fields.value(user))
        };
        match &self.kind {
            Kind::Known => with("email", "password"),
            Kind::WordPress => {
                let action = fields.value("action").or_else(|| before.action.clone());
                let other =
                    action.is_some_and(|action| WORDPRESS_ACTIONS.contains(&action.as_slice()));
                if other { None } else { with("log", "pwd") }
            }
            Kind::Elgg => with("username", "password"),
            Kind::Nextcloud => with("user", "password"),
            Kind::Drupal => {
                let own_page = before.action.is_some();
                let form = fields.value("form_id");
                let is = match form.as_deref() {
                    Some(form) => DRUPAL_FORMS.contains(&form),
                    // JSON has no form; nor has a body that cannot be read, where the page is nothing but a login.
                    None => own_page,
                };
                if is { with("name", "pass") } else { None }
            }
            Kind::PhpMyAdmin => {
                (fields.get("pma_username") != Field::Absent).then(|| fields.value("pma_username"))
            }
            Kind::Generic(generic) => match &generic.user {
                User::Field(name) => match fields.get(name) {
                    Field::Absent => None,
                    Field::Value(user) => Some(Some(user)),
                    Field::Unknown => Some(None),
                },
                _ => Some(before.user.clone()),
            },
            Kind::Basic | Kind::Cooperative => None,
        }
    }

    /// What became of a login with a form.
    pub(super) fn form(
        &self,
        before: &Before,
        response: &Response,
        answer: &[u8],
    ) -> Option<Outcome> {
        use Outcome::{Failure, Success};
        let failed = |statuses: &[u16]| statuses.contains(&response.status).then_some(Failure);
        let renewed = |name: &str| before.renewed(response, name);
        match &self.kind {
            // Right or wrong, it leads to the same place; only whoever is in has a new session.
            Kind::Known if renewed("known") => Some(Success),
            Kind::Known if response.is_redirect() => response
                .header_has("Location", "/session/login")
                .then_some(Failure),
            Kind::Known => failed(&[401, 403]),
            // Not the status: behind a firewall or with test cookies refused it is 200 for whoever is in.
            Kind::WordPress if response.sets_cookie("wordpress_logged_in_") => Some(Success),
            Kind::WordPress => failed(&[200, 401, 403, 429]),
            Kind::Elgg if renewed("Elgg") => Some(Success),
            Kind::Elgg if before.by_script && response.status == 200 => Some(Success),
            Kind::Elgg if response.is_redirect() && before.session.is_some() => Some(Failure),
            Kind::Elgg => failed(&[401, 403]),
            Kind::Nextcloud if response.is_redirect() => {
                let back = response
                    .location_path()
                    .is_some_and(|path| path.trim_ascii_end().ends_with(b"/login"));
                Some(if back { Failure } else { Success })
            }
            Kind::Nextcloud => failed(&[401, 403, 429]),
            Kind::Drupal if response.is_redirect() => {
                let is_in = response.sets_cookie("SESS")
                    || response.sets_cookie("SSESS")
                    || response.header_has("Location", "check_logged_in=1");
                is_in.then_some(Success)
            }
            Kind::Drupal if response.header_has("Content-Type", "json") => match response.status {
                200 => Some(Success),
                _ => failed(&[400, 401, 403, 429]),
            },
            Kind::Drupal => failed(&[200, 403, 429]),
            Kind::PhpMyAdmin if response.sets_cookie("pmaAuth-") => Some(Success),
            Kind::PhpMyAdmin => failed(&[200, 401, 403]),
            Kind::Generic(generic) => generic.verdict(response, answer),
            Kind::Basic | Kind::Cooperative => None,
        }
    }

    /// Whether a logout was one.
    pub(super) fn has_left(&self, before: &Before, response: &Response) -> bool {
        match &self.kind {
            Kind::WordPress => response.deletes_cookie("wordpress_logged_in_"),
            Kind::Drupal => response.deletes_cookie("SESS") || response.deletes_cookie("SSESS"),
            Kind::PhpMyAdmin => response.deletes_cookie("pmaAuth-"),
            Kind::Known | Kind::Elgg => response.is_redirect() && before.session.is_some(),
            Kind::Nextcloud => response.is_redirect(),
            Kind::Generic(_) => (200..400).contains(&response.status),
            Kind::Basic | Kind::Cooperative => false,
        }
    }

    /// Whether the answer to a form has to be read.
    pub(super) fn reads_answer(&self) -> bool {
        matches!(&self.kind, Kind::Generic(generic) if generic.reads_answer())
    }
}

impl Application {
    /// The fields of its forms that nobody must read.
    pub fn secret_fields(&self) -> impl Iterator<Item = &[u8]> {
        let name = match &self.kind {
            Kind::Known | Kind::Elgg | Kind::Nextcloud => Some("password"),
            Kind::WordPress => Some("pwd"),
            Kind::Drupal => Some("pass"),
            Kind::PhpMyAdmin => Some("pma_password"),
            Kind::Generic(generic) => generic.password.as_deref(),
            Kind::Basic | Kind::Cooperative => None,
        };
        name.map(str::as_bytes).into_iter()
    }

    /// The request headers that nobody must read.
    pub fn secret_headers(&self) -> &'static [&'static [u8]] {
        match &self.kind {
            Kind::Basic | Kind::Nextcloud | Kind::WordPress => &[b"Authorization"],
            Kind::Known => &[b"X-KNOWN-SIGNATURE"],
            _ => &[],
        }
    }
}

/// What WordPress's login page does besides logging in.
const WORDPRESS_ACTIONS: [&[u8]; 10] = [
    b"lostpassword",
    b"retrievepassword",
    b"resetpass",
    b"rp",
    b"register",
    b"postpass",
    b"logout",
    b"confirmaction",
    b"confirm_admin_email",
    b"checkemail",
];

/// Drupal's forms for logging in: its page, and the block of version 7.
const DRUPAL_FORMS: [&[u8]; 3] = [b"user_login_form", b"user_login", b"user_login_block"];

impl Generic {
    fn watch(&self, request: &Request<'_>) -> Option<Watch> {
        let is = |path: &Option<Pattern>| {
            let path = path.as_ref();
            path.is_some_and(|path| request.paths.iter().any(|known| matches(path, known)))
        };
        let user = match &self.user {
            User::Header(name) => (request.header)(name),
            User::Query(name) => Fields::of_query(request.query).value(name),
            User::Nowhere | User::Field(_) => None,
        };
        let before = Before {
            user,
            ..Before::default()
        };
        if is(&self.logout) {
            return Some(Watch::Logout(before));
        }
        (is(&self.path) && self.takes(request.method)).then_some(Watch::Form(before))
    }

    fn verdict(&self, response: &Response, answer: &[u8]) -> Option<Outcome> {
        let verdicts = [
            (&self.success, Outcome::Success),
            (&self.invalid, Outcome::InvalidUser),
            (&self.failure, Outcome::Failure),
        ];
        let found = verdicts
            .into_iter()
            .find(|(conditions, _)| any(conditions, response, answer));
        found.map(|(_, outcome)| outcome)
    }

    /// Whether the name is in the body.
    pub(super) fn reads_body(&self) -> bool {
        matches!(self.user, User::Field(_))
    }
}

impl Before {
    /// Whether the session that the request had is another one now.
    ///
    /// A request without one gets a new session whether its login is right or wrong, so that this says nothing.
    fn renewed(&self, response: &Response, name: &str) -> bool {
        let Some(session) = &self.session else {
            return false;
        };
        let mut cookies = response.cookies();
        cookies.any(|cookie| {
            cookie.name == name.as_bytes() && !cookie.deletes && cookie.value != session.as_slice()
        })
    }

    /// The user, where the request says who it is.
    pub(super) fn user(&self) -> Option<Vec<u8>> {
        self.user.clone()
    }
}

impl Request<'_> {
    /// Whether a path ends like this, perhaps with a slash behind.
    fn ends_in(&self, end: &str) -> bool {
        self.paths.iter().any(|path| {
            path.strip_suffix(b"/")
                .unwrap_or(path)
                .ends_with(end.as_bytes())
        })
    }

    /// Whether a path has this part, or ends with it: scripts take what follows them.
    fn has_part(&self, part: &str) -> bool {
        self.paths.iter().any(|path| {
            memchr::memmem::find_iter(path, part)
                .any(|at| matches!(path.get(at + part.len()), None | Some(b'/')))
        })
    }

    fn cookie(&self, wanted: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        cookie(&(self.header)("Cookie")?, wanted)
    }

    fn authorization(&self) -> Option<Authorization> {
        authorization(&(self.header)("Authorization")?)
    }
}

/// What became of credentials in `Authorization`.
pub(super) fn basic(response: &Response) -> Option<Outcome> {
    match response.status {
        401 => Some(Outcome::Failure),
        // What it was refused for says nothing of the credentials.
        400 | 407 | 408 | 413 | 429 | 500.. => None,
        _ => Some(Outcome::Success),
    }
}

/// The same in a call of WordPress's REST interface, whose answer names the reason.
pub(super) fn rest(response: &Response, answer: &[u8]) -> Option<Outcome> {
    let has = |text: &str| memchr::memmem::find(answer, text.as_bytes()).is_some();
    match response.status {
        401 if has("\"invalid_username\"") || has("\"invalid_email\"") => {
            Some(Outcome::InvalidUser)
        }
        401 => Some(Outcome::Failure),
        // Where WordPress does not look at the credentials (no TLS), it serves everybody. Only whoever is in is told not to keep
        // the answer.
        200..300 => {
            let anonymous = response.header_has("Link", "https://api.w.org/")
                && !response.header_has("Cache-Control", "no-cache");
            (!anonymous).then_some(Outcome::Success)
        }
        _ => None,
    }
}

/// What became of credentials in a signed call.
pub(super) fn api(response: &Response) -> Option<Outcome> {
    match response.status {
        401 | 403 => Some(Outcome::Failure),
        200..300 => Some(Outcome::Success),
        _ => None,
    }
}

/// What the code of a fault says of the credentials in an XML-RPC call; `None` stands for none.
pub(super) fn fault(code: Option<i32>) -> Option<Outcome> {
    match code {
        Some(403) => Some(Outcome::Failure),
        // No such method, too few parameters, the service is off: nobody looked at them. Below zero the call is none.
        Some(..=0 | 400 | 405 | 429 | 500..) => None,
        None | Some(_) => Some(Outcome::Success),
    }
}

fn decoded(text: &[u8]) -> Vec<u8> {
    Transformation::UrlDecode
        .apply(text, &Env::default())
        .into_owned()
}
