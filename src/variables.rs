//! The variables that rules can name: vocabulary only. Where their values come from is the `transaction` room's business.

use crate::types::Phase;

/// How a variable takes a selector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// One value; a selector is an error.
    Scalar,
    /// A collection: `NAME`, `NAME:key` and `NAME:/regex/`.
    Collection,
    /// A collection that must be given a selector, as mod_security2 demands.
    KeyedCollection,
}

macro_rules! variables {
    ($($variant:ident $name:literal $shape:ident $phase:ident $about:literal),* $(,)?) => {
        /// A variable of the rule language.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Variable { $(#[doc = $about] $variant),* }

        impl Variable {
            /// Every variable, in the order of the table.
            pub const ALL: &'static [Variable] = &[$(Variable::$variant),*];

            /// The name that rules and logs write.
            pub fn name(self) -> &'static str {
                match self { $(Variable::$variant => $name),* }
            }

            /// What it holds, for the documentation.
            pub fn about(self) -> &'static str {
                match self { $(Variable::$variant => $about),* }
            }

            /// Whether it is a collection.
            pub fn shape(self) -> Shape {
                match self { $(Variable::$variant => Shape::$shape),* }
            }

            /// The first phase in which it can have a value.
            pub fn available_from(self) -> Phase {
                match self { $(Variable::$variant => Phase::$phase),* }
            }
        }
    };
}

variables! {
    Args "ARGS" Collection RequestHeaders "the arguments of query and body",
    ArgsNames "ARGS_NAMES" Collection RequestHeaders "the names of the arguments of query and body",
    ArgsGet "ARGS_GET" Collection RequestHeaders "the arguments of the query",
    ArgsGetNames "ARGS_GET_NAMES" Collection RequestHeaders "the names of the arguments of the query",
    ArgsPost "ARGS_POST" Collection RequestBody "the arguments of an urlencoded or multipart body",
    ArgsPostNames "ARGS_POST_NAMES" Collection RequestBody "the names of the arguments of the body",
    ArgsCombinedSize "ARGS_COMBINED_SIZE" Scalar RequestHeaders "the bytes of all names and values of arguments",
    AuthType "AUTH_TYPE" Scalar RequestBody "the scheme that the user authenticated with",
    QueryString "QUERY_STRING" Scalar RequestHeaders "the query as received, without the question mark",
    RequestBasename "REQUEST_BASENAME" Scalar RequestHeaders "what follows the last slash of the path",
    RequestBody "REQUEST_BODY" Scalar RequestBody "the body as received, where it is urlencoded or forced",
    RequestBodyLength "REQUEST_BODY_LENGTH" Scalar RequestBody "the bytes of the request body",
    RequestCookies "REQUEST_COOKIES" Collection RequestHeaders "the values of cookies",
    RequestCookiesNames "REQUEST_COOKIES_NAMES" Collection RequestHeaders "the names of cookies",
    RequestFilename "REQUEST_FILENAME" Scalar RequestHeaders "the path, decoded by httpd, without the query",
    RequestHeaders "REQUEST_HEADERS" Collection RequestHeaders "the values of request header fields",
    RequestHeadersNames "REQUEST_HEADERS_NAMES" Collection RequestHeaders "the names of request header fields",
    RequestLine "REQUEST_LINE" Scalar RequestHeaders "the first line as received",
    RequestMethod "REQUEST_METHOD" Scalar RequestHeaders "the method of the request",
    RequestProtocol "REQUEST_PROTOCOL" Scalar RequestHeaders "the protocol of the request, with its version",
    RequestUri "REQUEST_URI" Scalar RequestHeaders "the path, decoded from phase 2 on, and the query",
    RequestUriRaw "REQUEST_URI_RAW" Scalar RequestHeaders "the target of the request as received",
    PathInfo "PATH_INFO" Scalar RequestBody "what follows the script's name in the path",
    FullRequest "FULL_REQUEST" Scalar RequestBody "request line, header fields and body",
    FullRequestLength "FULL_REQUEST_LENGTH" Scalar RequestBody "the bytes of FULL_REQUEST",
    UniqueId "UNIQUE_ID" Scalar RequestHeaders "the transaction's id",
    RemoteAddr "REMOTE_ADDR" Scalar RequestHeaders "the client's address",
    UseragentIp "USERAGENT_IP" Scalar RequestHeaders "the client's address as httpd has it",
    RemoteHost "REMOTE_HOST" Scalar RequestBody "the client's name, where httpd looks it up; its address otherwise",
    RemotePort "REMOTE_PORT" Scalar RequestBody "the client's port",
    RemoteUser "REMOTE_USER" Scalar RequestBody "the authenticated user",
    ServerAddr "SERVER_ADDR" Scalar RequestHeaders "the address that the client connected to",
    ServerName "SERVER_NAME" Scalar RequestHeaders "the host that the client asked for",
    ServerPort "SERVER_PORT" Scalar RequestHeaders "the port that the client connected to",
    Env "ENV" Collection RequestHeaders "notes of the request, its environment, the server's environment",
    ScriptBasename "SCRIPT_BASENAME" Scalar RequestBody "the name of the file that is asked for",
    ScriptFilename "SCRIPT_FILENAME" Scalar RequestBody "the path on disk of the file that is asked for",
    ScriptGid "SCRIPT_GID" Scalar RequestBody "the number of that file's group",
    ScriptGroupname "SCRIPT_GROUPNAME" Scalar RequestBody "the name of that file's group",
    ScriptMode "SCRIPT_MODE" Scalar RequestBody "that file's permissions",
    ScriptUid "SCRIPT_UID" Scalar RequestBody "the number of that file's owner",
    ScriptUsername "SCRIPT_USERNAME" Scalar RequestBody "the name of that file's owner",
    SessionId "SESSIONID" Scalar ResponseHeaders "what `setsid` was given",
    UserId "USERID" Scalar ResponseHeaders "what `setuid` was given",
    WebAppId "WEBAPPID" Scalar ResponseHeaders "SecWebAppId",
    ReqbodyProcessor "REQBODY_PROCESSOR" Scalar RequestBody "what reads the body: URLENCODED, MULTIPART, XML or JSON",
    ReqbodyError "REQBODY_ERROR" Scalar RequestBody "1 where the body could not be read as what it claims to be",
    ReqbodyErrorMsg "REQBODY_ERROR_MSG" Scalar RequestBody "why the body could not be read",
    ReqbodyProcessorError "REQBODY_PROCESSOR_ERROR" Scalar RequestBody "as REQBODY_ERROR",
    ReqbodyProcessorErrorMsg "REQBODY_PROCESSOR_ERROR_MSG" Scalar RequestBody "as REQBODY_ERROR_MSG",
    UrlencodedError "URLENCODED_ERROR" Scalar RequestHeaders "1 where the query or an urlencoded body has an invalid escape",
    InboundDataError "INBOUND_DATA_ERROR" Scalar RequestBody "1 where the body is over SecRequestBodyLimit",
    Xml "XML" Collection RequestBody "what an XPath expression finds in a body of XML",
    Files "FILES" Collection RequestBody "the names that uploads were sent under",
    FilesNames "FILES_NAMES" Collection RequestBody "the names of the fields that uploads came in",
    FilesSizes "FILES_SIZES" Collection RequestBody "the bytes of each upload",
    FilesCombinedSize "FILES_COMBINED_SIZE" Scalar RequestBody "the bytes of all uploads",
    FilesTmpnames "FILES_TMPNAMES" Collection RequestBody "where uploads are on disk",
    FilesTmpContent "FILES_TMP_CONTENT" Collection RequestBody "what is in uploads",
    MultipartPartHeaders "MULTIPART_PART_HEADERS" Collection RequestBody "the header lines of each part",
    MultipartFilename "MULTIPART_FILENAME" Scalar RequestBody "the file names of parts",
    MultipartName "MULTIPART_NAME" Scalar RequestBody "the names of parts",
    MultipartBoundaryQuoted "MULTIPART_BOUNDARY_QUOTED" Scalar RequestBody "1 where the boundary is quoted",
    MultipartBoundaryWhitespace "MULTIPART_BOUNDARY_WHITESPACE" Scalar RequestBody "1 where there is white space in the boundary",
    MultipartDataAfter "MULTIPART_DATA_AFTER" Scalar RequestBody "1 where something follows the last boundary",
    MultipartDataBefore "MULTIPART_DATA_BEFORE" Scalar RequestBody "1 where something precedes the first boundary",
    MultipartHeaderFolding "MULTIPART_HEADER_FOLDING" Scalar RequestBody "1 where a header of a part is folded",
    MultipartCrlfLine "MULTIPART_CRLF_LINE" Scalar RequestBody "1 where a line ends with CR LF",
    MultipartCrlfLfLines "MULTIPART_CRLF_LF_LINES" Scalar RequestBody "1 where lines end in both ways",
    MultipartLfLine "MULTIPART_LF_LINE" Scalar RequestBody "1 where a line ends with LF alone",
    MultipartMissingSemicolon "MULTIPART_MISSING_SEMICOLON" Scalar RequestBody "1 where a semicolon is missing in Content-Type",
    MultipartInvalidPart "MULTIPART_INVALID_PART" Scalar RequestBody "1 where a part is malformed",
    MultipartInvalidQuoting "MULTIPART_INVALID_QUOTING" Scalar RequestBody "1 where quotes in a part's header are not what they should be",
    MultipartInvalidHeaderFolding "MULTIPART_INVALID_HEADER_FOLDING" Scalar RequestBody "1 where a header is folded by other than blank or tab",
    MultipartFileLimitExceeded "MULTIPART_FILE_LIMIT_EXCEEDED" Scalar RequestBody "1 where there are more files than SecUploadFileLimit",
    MultipartStrictError "MULTIPART_STRICT_ERROR" Scalar RequestBody "1 where any of these flags is 1, or the body could not be read",
    MultipartUnmatchedBoundary "MULTIPART_UNMATCHED_BOUNDARY" Scalar RequestBody "1 where a line looks like a boundary and is none",
    ResponseBody "RESPONSE_BODY" Scalar ResponseBody "the body of the response, where it was held back",
    ResponseContentLength "RESPONSE_CONTENT_LENGTH" Scalar ResponseHeaders "the length of the response's body",
    ResponseContentType "RESPONSE_CONTENT_TYPE" Scalar ResponseHeaders "the type of the response",
    ResponseHeaders "RESPONSE_HEADERS" Collection ResponseHeaders "the values of response header fields",
    ResponseHeadersNames "RESPONSE_HEADERS_NAMES" Collection ResponseHeaders "the names of response header fields",
    ResponseProtocol "RESPONSE_PROTOCOL" Scalar ResponseHeaders "the protocol of the response, with its version",
    ResponseStatus "RESPONSE_STATUS" Scalar ResponseHeaders "the status code of the response",
    StatusLine "STATUS_LINE" Scalar ResponseHeaders "protocol, status code and reason of the response",
    OutboundDataError "OUTBOUND_DATA_ERROR" Scalar ResponseBody "1 where the response is over SecResponseBodyLimit",
    StreamOutputBody "STREAM_OUTPUT_BODY" Scalar ResponseBody "the body of the response as it will leave",
    StreamInputBody "STREAM_INPUT_BODY" Scalar RequestHeaders "the body of the request as the handler will get it",
    Tx "TX" KeyedCollection RequestHeaders "variables of the transaction; 0 to 9 are what the last match captured",
    Geo "GEO" Collection RequestHeaders "what `@geoLookup` has found",
    Global "GLOBAL" KeyedCollection RequestHeaders "a persistent collection, one for all",
    Ip "IP" KeyedCollection RequestHeaders "a persistent collection, one for each address or network",
    Session "SESSION" KeyedCollection RequestHeaders "a persistent collection, one for each session",
    User "USER" KeyedCollection RequestHeaders "a persistent collection, one for each user",
    Resource "RESOURCE" KeyedCollection RequestHeaders "a persistent collection, one for each resource",
    MatchedVar "MATCHED_VAR" Scalar RequestHeaders "the value that matched last",
    MatchedVarName "MATCHED_VAR_NAME" Scalar RequestHeaders "the name of the value that matched last",
    MatchedVars "MATCHED_VARS" Collection RequestHeaders "the values that matched in this chain",
    MatchedVarsNames "MATCHED_VARS_NAMES" Collection RequestHeaders "the names of the values that matched in this chain",
    HighestSeverity "HIGHEST_SEVERITY" Scalar RequestHeaders "the lowest number among the severities of matching rules; 255 for none",
    Rule "RULE" KeyedCollection RequestHeaders "id, rev, severity, msg, logdata and more of the rule that asks",
    ModsecBuild "MODSEC_BUILD" Scalar RequestHeaders "the version, as a number",
    SdbmDeleteError "SDBM_DELETE_ERROR" Scalar RequestHeaders "1 where a persistent collection could not be cleaned up",
    WebserverErrorLog "WEBSERVER_ERROR_LOG" Collection RequestHeaders "the lines that the server has logged about the request",
    PerfRules "PERF_RULES" Collection Logging "the microseconds of rules over SecRulePerfTime",
    PerfAll "PERF_ALL" Scalar Logging "all figures of time, as part H has them",
    PerfCombined "PERF_COMBINED" Scalar Logging "the microseconds of the engine",
    PerfGc "PERF_GC" Scalar Logging "the microseconds of cleaning up collections",
    PerfLogging "PERF_LOGGING" Scalar Logging "the microseconds of the audit record",
    PerfPhase1 "PERF_PHASE1" Scalar Logging "the microseconds of phase 1",
    PerfPhase2 "PERF_PHASE2" Scalar Logging "the microseconds of phase 2",
    PerfPhase3 "PERF_PHASE3" Scalar Logging "the microseconds of phase 3",
    PerfPhase4 "PERF_PHASE4" Scalar Logging "the microseconds of phase 4",
    PerfPhase5 "PERF_PHASE5" Scalar Logging "the microseconds of phase 5",
    PerfSread "PERF_SREAD" Scalar Logging "the microseconds of opening collections",
    PerfSwrite "PERF_SWRITE" Scalar Logging "the microseconds of storing collections",
    Duration "DURATION" Scalar RequestHeaders "the microseconds since the request came",
    Time "TIME" Scalar RequestHeaders "the time of day as HH:MM:SS",
    TimeDay "TIME_DAY" Scalar RequestHeaders "the day of the month",
    TimeEpoch "TIME_EPOCH" Scalar RequestHeaders "the seconds since 1970",
    TimeHour "TIME_HOUR" Scalar RequestHeaders "the hour",
    TimeMin "TIME_MIN" Scalar RequestHeaders "the minute",
    TimeMon "TIME_MON" Scalar RequestHeaders "the month, from 0 to 11",
    TimeSec "TIME_SEC" Scalar RequestHeaders "the second",
    TimeWday "TIME_WDAY" Scalar RequestHeaders "the day of the week, 0 is Sunday",
    TimeYear "TIME_YEAR" Scalar RequestHeaders "the year",
    // Palisade's own.
    ClientAddress "CLIENT_ADDRESS" Scalar RequestHeaders "the client's address",
    PeerAddress "PEER_ADDRESS" Scalar RequestHeaders "the address at the other end of the connection",
    ForwardedFor "FORWARDED_FOR" Scalar RequestHeaders "the forwarding header as received, also where mod_remoteip took it away",
    ClientNetwork "CLIENT_NETWORK" Scalar RequestHeaders "whom counters are about: the client's IPv4 address, or the /64 of its IPv6 address; no value where it cannot be blamed",
    RefusedBy "REFUSED_BY" Scalar RequestHeaders "the id of the rule that refused the request",
    Client "CLIENT" KeyedCollection RequestHeaders "a persistent collection about the client; `CLIENT:banned` cuts it off",
    PingbackSource "PINGBACK_SOURCE" KeyedCollection RequestHeaders "a persistent collection about the host of a ping's source",
    PingbackTarget "PINGBACK_TARGET" KeyedCollection RequestHeaders "a persistent collection about a ping's target",
    XmlRpc "XMLRPC" Collection RequestBody "method and parameters of an XML-RPC call",
    Pingback "PINGBACK" Collection RequestBody "source, target, verdict and reason of a pingback",
}

impl Variable {
    /// Finds a variable by name, in any case.
    pub fn lookup(name: &str) -> Option<Variable> {
        Self::ALL
            .iter()
            .copied()
            .find(|variable| variable.name().eq_ignore_ascii_case(name))
    }

    /// Whether mod_security2 does not have it.
    pub fn is_own(self) -> bool {
        use Variable::*;
        matches!(
            self,
            ClientAddress
                | PeerAddress
                | ForwardedFor
                | ClientNetwork
                | RefusedBy
                | Client
                | PingbackSource
                | PingbackTarget
                | XmlRpc
                | Pingback
        )
    }

    /// Whether its values stay as they are while a phase runs, whatever rules do, and cost little to look up: parts of
    /// the request and the response. What is missing here is only asked rule by rule.
    pub fn is_fixed_in_phase(self) -> bool {
        use Variable::*;
        matches!(
            self,
            Args | ArgsNames
                | ArgsGet
                | ArgsGetNames
                | ArgsPost
                | ArgsPostNames
                | RequestCookies
                | RequestCookiesNames
                | RequestHeaders
                | RequestHeadersNames
                | RequestUri
                | RequestUriRaw
                | RequestLine
                | RequestMethod
                | RequestProtocol
                | RequestFilename
                | RequestBasename
                | QueryString
                | RequestBody
                | Files
                | FilesNames
                | MultipartName
                | MultipartFilename
                | MultipartPartHeaders
                | Xml
                | ResponseBody
                | ResponseHeaders
                | ResponseHeadersNames
        )
    }

    /// Whether it is a collection that lasts from one request to the next.
    pub fn is_persistent(self) -> bool {
        use Variable::*;
        matches!(
            self,
            Global | Ip | Session | User | Resource | Client | PingbackSource | PingbackTarget
        )
    }

    /// Whether it is a collection of any kind.
    pub fn is_collection(self) -> bool {
        self.shape() != Shape::Scalar
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_in_any_case() {
        for &variable in Variable::ALL {
            assert_eq!(
                Variable::lookup(&variable.name().to_lowercase()),
                Some(variable)
            );
        }
        assert_eq!(Variable::lookup("ARGS "), None);
    }

    #[test]
    fn all_of_mod_security2_is_here() {
        let known = Variable::ALL.iter().filter(|variable| !variable.is_own());
        assert_eq!(known.count(), 126);
    }
}
