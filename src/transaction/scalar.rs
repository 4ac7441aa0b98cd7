//! Variables that are one value.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Matched, Scene, Transaction, Value};
use crate::ruleset::Seen;
use crate::types::Phase;
use crate::variables::Variable;

type NameAndValue<'t> = (Cow<'t, [u8]>, Cow<'t, [u8]>);

impl Transaction {
    fn files_combined_size(&self) -> u64 {
        let files = self
            .body
            .parsed()
            .multipart
            .iter()
            .flat_map(|multipart| multipart.files());
        files.map(|(_, file)| file.size).sum()
    }

    /// The name and value that matched last: MATCHED_VAR_NAME and MATCHED_VAR.
    pub(crate) fn matched(&self) -> Option<NameAndValue<'_>> {
        let (name, value) = match self.matches.var()? {
            Matched::Found(name, value) => (Cow::Borrowed(name), Cow::Borrowed(value)),
            Matched::Foregone(Seen::Variable { key, value }) => (
                Cow::Owned(Value::name_in(Variable::Tx, key)),
                Cow::Borrowed(&**value),
            ),
            Matched::Foregone(Seen::Count { spelled, number }) => {
                (Cow::Borrowed(spelled.as_bytes()), Cow::Borrowed(&**number))
            }
            Matched::Foregone(Seen::Client) => (
                Cow::Borrowed(Variable::RemoteAddr.name().as_bytes()),
                Cow::Owned(self.connection.client.client.to_string().into_bytes()),
            ),
        };
        Some((name, value))
    }

    pub(super) fn scalar<'t>(
        &'t self,
        variable: Variable,
        scene: &Scene<'_>,
    ) -> Option<Cow<'t, [u8]>> {
        use Variable::*;
        let request = &self.request;
        let response = self.response.as_ref();
        let text = |text: &'t [u8]| Some(Cow::Borrowed(text));
        let flag = |set: bool| text(if set { b"1" } else { b"0" });
        let address = |address: IpAddr| Some(Cow::Owned(address.to_string().into_bytes()));
        let time = || local_time(request.time);
        let formatted =
            |format: &str| Some(Cow::Owned(time().strftime(format).to_string().into_bytes()));
        let micros = |time: u64| Some(Cow::Owned(time.to_string().into_bytes()));
        let phase = |phase: Phase| micros(self.times.phase_microseconds()[phase.index()]);
        let number = |number: i64| Some(Cow::Owned(number.to_string().into_bytes()));
        match variable {
            ArgsCombinedSize => Some(decimal(
                self.arguments()
                    .map(|arg| arg.name.len() + arg.value.len())
                    .sum(),
            )),
            QueryString => request.query.as_deref().and_then(text),
            RequestLine => text(&request.line),
            RequestMethod => text(&request.method),
            RequestProtocol => text(&request.protocol),
            RequestFilename => text(&request.path),
            RequestBasename => text(basename(&request.path)),
            RequestUri => Some(match &request.query {
                Some(query) => Cow::Owned([&request.path[..], b"?", query].concat()),
                None => Cow::Borrowed(&request.path),
            }),
            RequestUriRaw => text(&request.uri_raw),
            UniqueId => text(&request.unique_id),
            FullRequest => Some(Cow::Owned(self.full_request())),
            FullRequestLength => Some(decimal(self.full_request().len())),

            RemoteAddr | UseragentIp | ClientAddress => address(self.connection.client.client),
            ClientNetwork => {
                let network = self.connection.client.network()?;
                Some(Cow::Owned(network.into_bytes()))
            }
            RefusedBy => self
                .matches
                .refused_by
                .map(|id| Cow::Owned(id.to_string().into_bytes())),
            PeerAddress => address(self.connection.client.peer),
            ForwardedFor => self
                .connection
                .client
                .forwarded_for
                .as_deref()
                .and_then(text),
            RemotePort => number(self.connection.client.peer_port.into()),
            ServerAddr => address(self.connection.local_ip),
            ServerName => text(&request.hostname),
            ServerPort => number(self.connection.local_port.into()),
            SessionId => self.session.as_deref().and_then(text),
            UserId => self.user.as_deref().and_then(text),
            WebAppId => text_of(&self.config.web_app_id),

            RequestBody => self.body.visible().and_then(|body| text(body)),
            RequestBodyLength => Some(decimal(
                usize::try_from(self.body.seen()).unwrap_or(usize::MAX),
            )),
            ReqbodyProcessor => text(self.body.processor().unwrap_or_default().as_bytes()),
            ReqbodyError | ReqbodyProcessorError => flag(self.body.error().is_some()),
            ReqbodyErrorMsg | ReqbodyProcessorErrorMsg => {
                text(self.body.error().unwrap_or_default().as_bytes())
            }
            UrlencodedError => flag(self.query.error || self.body.parsed().urlencoded_error),
            InboundDataError => flag(self.body.over_limit()),

            ResponseStatus => response.and_then(|response| number(response.status.into())),
            StatusLine => response.and_then(|response| text(&response.status_line)),
            ResponseProtocol => response.and_then(|response| text(&response.protocol)),
            ResponseContentType => response
                .and_then(|response| response.content_type.as_deref())
                .and_then(text),
            ResponseContentLength => {
                response.and_then(|_| text(self.response_header("Content-Length").unwrap_or(b"0")))
            }
            ResponseBody => match self.response_body.visible() {
                Some(body) => text(body),
                // Compat: once phase 4 has been reached there is a body, be it empty.
                None => self.response_body.ended().then_some(Cow::Borrowed(b"")),
            },
            StreamInputBody => self.stream_input.bytes().and_then(|body| text(body)),
            StreamOutputBody => self.stream_output.bytes().and_then(|body| text(body)),
            OutboundDataError => flag(self.response_body.over_limit()),

            MatchedVar => self.matched().map(|(_, value)| value),
            MatchedVarName => self.matched().map(|(name, _)| name),
            HighestSeverity => number(
                self.matches
                    .highest_severity
                    .map_or(255, |severity| severity.number().into()),
            ),
            ModsecBuild => text(MODSEC_BUILD),
            SdbmDeleteError => flag(false),

            Duration => {
                number(i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX))
            }
            TimeEpoch => number(epoch_seconds(request.time)),
            Time => formatted("%Y%m%d%H%M%S"),
            TimeDay => number(time().day().into()),
            TimeHour => formatted("%H"),
            TimeMin => formatted("%M"),
            TimeMon => number(time().month().into()),
            TimeSec => formatted("%S"),
            TimeWday => number(time().weekday().to_sunday_zero_offset().into()),
            TimeYear => number(time().year().into()),

            PerfAll => Some(Cow::Owned(self.times.summary().into_bytes())),
            PerfCombined => micros(self.times.combined()),
            PerfSread => micros(self.times.reading / 1_000),
            PerfSwrite => micros(self.times.writing / 1_000),
            // Nothing is cleaned up at the end of a request, and the record is written last of all.
            PerfGc | PerfLogging => text(b"0"),
            PerfPhase1 => phase(Phase::RequestHeaders),
            PerfPhase2 => phase(Phase::RequestBody),
            PerfPhase3 => phase(Phase::ResponseHeaders),
            PerfPhase4 => phase(Phase::ResponseBody),
            PerfPhase5 => phase(Phase::Logging),

            MultipartBoundaryQuoted
            | MultipartBoundaryWhitespace
            | MultipartDataAfter
            | MultipartDataBefore
            | MultipartHeaderFolding
            | MultipartCrlfLine
            | MultipartCrlfLfLines
            | MultipartLfLine
            | MultipartMissingSemicolon
            | MultipartInvalidPart
            | MultipartInvalidQuoting
            | MultipartInvalidHeaderFolding
            | MultipartFileLimitExceeded
            | MultipartStrictError
            | MultipartUnmatchedBoundary => flag(self.multipart_flag(variable)),
            FilesCombinedSize => Some(Cow::Owned(
                self.files_combined_size().to_string().into_bytes(),
            )),
            MultipartName => self
                .body
                .parsed()
                .multipart
                .as_ref()?
                .name
                .as_deref()
                .and_then(text),
            MultipartFilename => self
                .body
                .parsed()
                .multipart
                .as_ref()?
                .filename
                .as_deref()
                .and_then(text),

            _ => scene.host.server_variable(variable).map(Cow::Owned),
        }
    }

    fn multipart_flag(&self, variable: Variable) -> bool {
        let multipart = self.body.parsed().multipart.as_ref();
        multipart
            .and_then(|multipart| multipart.flags.variable(variable.name()))
            .unwrap_or(false)
    }

    pub(super) fn response_header<'t>(&'t self, name: &'t str) -> Option<&'t [u8]> {
        let response = self.response.as_ref()?;
        super::header_values(&response.headers, name)
            .next()
            .map(|value| &value[..])
    }

    /// The request as it was sent, for FULL_REQUEST.
    fn full_request(&self) -> Vec<u8> {
        let mut text = [&self.request.line[..], b"\n"].concat();
        for header in &self.request.headers {
            text.extend_from_slice(&[&header.name[..], b": ", &header.value, b"\n"].concat());
        }
        text.extend_from_slice(b"\n");
        if let Ok(body) = self.body.store().head(usize::MAX) {
            text.extend_from_slice(&body);
        }
        text
    }
}

/// `MODSEC_BUILD` of the version whose behaviour is the reference: 2.9.13, a release.
const MODSEC_BUILD: &[u8] = b"020913900";
fn text_of(text: &str) -> Option<Cow<'_, [u8]>> {
    Some(Cow::Borrowed(text.as_bytes()))
}

pub(super) fn decimal(number: usize) -> Cow<'static, [u8]> {
    Cow::Owned(number.to_string().into_bytes())
}

/// What follows the last `/` or `\`.
fn basename(path: &[u8]) -> &[u8] {
    let start = memchr::memrchr2(b'/', b'\\', path).map_or(0, |at| at + 1);
    path.get(start..).unwrap_or_default()
}

fn epoch_seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

fn local_time(time: SystemTime) -> jiff::Zoned {
    let stamp = jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    stamp.to_zoned(jiff::tz::TimeZone::system())
}
