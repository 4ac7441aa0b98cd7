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
    ($($variant:ident $name:literal $shape:ident $phase:ident),* $(,)?) => {
        /// A variable of the rule language.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[allow(missing_docs)] // the names are the documentation; docs/reference lists what each holds
        pub enum Variable { $($variant),* }

        impl Variable {
            /// Every variable, in the order of the table.
            pub const ALL: &'static [Variable] = &[$(Variable::$variant),*];

            /// The name that rules and logs write.
            pub fn name(self) -> &'static str {
                match self { $(Variable::$variant => $name),* }
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
    Args "ARGS" Collection RequestHeaders,
    ArgsNames "ARGS_NAMES" Collection RequestHeaders,
    ArgsGet "ARGS_GET" Collection RequestHeaders,
    ArgsGetNames "ARGS_GET_NAMES" Collection RequestHeaders,
    ArgsPost "ARGS_POST" Collection RequestBody,
    ArgsPostNames "ARGS_POST_NAMES" Collection RequestBody,
    ArgsCombinedSize "ARGS_COMBINED_SIZE" Scalar RequestHeaders,
    AuthType "AUTH_TYPE" Scalar RequestBody,
    QueryString "QUERY_STRING" Scalar RequestHeaders,
    RequestBasename "REQUEST_BASENAME" Scalar RequestHeaders,
    RequestBody "REQUEST_BODY" Scalar RequestBody,
    RequestBodyLength "REQUEST_BODY_LENGTH" Scalar RequestBody,
    RequestCookies "REQUEST_COOKIES" Collection RequestHeaders,
    RequestCookiesNames "REQUEST_COOKIES_NAMES" Collection RequestHeaders,
    RequestFilename "REQUEST_FILENAME" Scalar RequestHeaders,
    RequestHeaders "REQUEST_HEADERS" Collection RequestHeaders,
    RequestHeadersNames "REQUEST_HEADERS_NAMES" Collection RequestHeaders,
    RequestLine "REQUEST_LINE" Scalar RequestHeaders,
    RequestMethod "REQUEST_METHOD" Scalar RequestHeaders,
    RequestProtocol "REQUEST_PROTOCOL" Scalar RequestHeaders,
    RequestUri "REQUEST_URI" Scalar RequestHeaders,
    RequestUriRaw "REQUEST_URI_RAW" Scalar RequestHeaders,
    PathInfo "PATH_INFO" Scalar RequestBody,
    FullRequest "FULL_REQUEST" Scalar RequestBody,
    FullRequestLength "FULL_REQUEST_LENGTH" Scalar RequestBody,
    UniqueId "UNIQUE_ID" Scalar RequestHeaders,
    RemoteAddr "REMOTE_ADDR" Scalar RequestHeaders,
    UseragentIp "USERAGENT_IP" Scalar RequestHeaders,
    RemoteHost "REMOTE_HOST" Scalar RequestBody,
    RemotePort "REMOTE_PORT" Scalar RequestBody,
    RemoteUser "REMOTE_USER" Scalar RequestBody,
    ServerAddr "SERVER_ADDR" Scalar RequestHeaders,
    ServerName "SERVER_NAME" Scalar RequestHeaders,
    ServerPort "SERVER_PORT" Scalar RequestHeaders,
    Env "ENV" Collection RequestHeaders,
    ScriptBasename "SCRIPT_BASENAME" Scalar RequestBody,
    ScriptFilename "SCRIPT_FILENAME" Scalar RequestBody,
    ScriptGid "SCRIPT_GID" Scalar RequestBody,
    ScriptGroupname "SCRIPT_GROUPNAME" Scalar RequestBody,
    ScriptMode "SCRIPT_MODE" Scalar RequestBody,
    ScriptUid "SCRIPT_UID" Scalar RequestBody,
    ScriptUsername "SCRIPT_USERNAME" Scalar RequestBody,
    SessionId "SESSIONID" Scalar ResponseHeaders,
    UserId "USERID" Scalar ResponseHeaders,
    WebAppId "WEBAPPID" Scalar ResponseHeaders,
    ReqbodyProcessor "REQBODY_PROCESSOR" Scalar RequestBody,
    ReqbodyError "REQBODY_ERROR" Scalar RequestBody,
    ReqbodyErrorMsg "REQBODY_ERROR_MSG" Scalar RequestBody,
    ReqbodyProcessorError "REQBODY_PROCESSOR_ERROR" Scalar RequestBody,
    ReqbodyProcessorErrorMsg "REQBODY_PROCESSOR_ERROR_MSG" Scalar RequestBody,
    UrlencodedError "URLENCODED_ERROR" Scalar RequestHeaders,
    InboundDataError "INBOUND_DATA_ERROR" Scalar RequestBody,
    Xml "XML" Collection RequestBody,
    Files "FILES" Collection RequestBody,
    FilesNames "FILES_NAMES" Collection RequestBody,
    FilesSizes "FILES_SIZES" Collection RequestBody,
    FilesCombinedSize "FILES_COMBINED_SIZE" Scalar RequestBody,
    FilesTmpnames "FILES_TMPNAMES" Collection RequestBody,
    FilesTmpContent "FILES_TMP_CONTENT" Collection RequestBody,
    MultipartPartHeaders "MULTIPART_PART_HEADERS" Collection RequestBody,
    MultipartFilename "MULTIPART_FILENAME" Scalar RequestBody,
    MultipartName "MULTIPART_NAME" Scalar RequestBody,
    MultipartBoundaryQuoted "MULTIPART_BOUNDARY_QUOTED" Scalar RequestBody,
    MultipartBoundaryWhitespace "MULTIPART_BOUNDARY_WHITESPACE" Scalar RequestBody,
    MultipartDataAfter "MULTIPART_DATA_AFTER" Scalar RequestBody,
    MultipartDataBefore "MULTIPART_DATA_BEFORE" Scalar RequestBody,
    MultipartHeaderFolding "MULTIPART_HEADER_FOLDING" Scalar RequestBody,
    MultipartCrlfLine "MULTIPART_CRLF_LINE" Scalar RequestBody,
    MultipartCrlfLfLines "MULTIPART_CRLF_LF_LINES" Scalar RequestBody,
    MultipartLfLine "MULTIPART_LF_LINE" Scalar RequestBody,
    MultipartMissingSemicolon "MULTIPART_MISSING_SEMICOLON" Scalar RequestBody,
    MultipartInvalidPart "MULTIPART_INVALID_PART" Scalar RequestBody,
    MultipartInvalidQuoting "MULTIPART_INVALID_QUOTING" Scalar RequestBody,
    MultipartInvalidHeaderFolding "MULTIPART_INVALID_HEADER_FOLDING" Scalar RequestBody,
    MultipartFileLimitExceeded "MULTIPART_FILE_LIMIT_EXCEEDED" Scalar RequestBody,
    MultipartStrictError "MULTIPART_STRICT_ERROR" Scalar RequestBody,
    MultipartUnmatchedBoundary "MULTIPART_UNMATCHED_BOUNDARY" Scalar RequestBody,
    ResponseBody "RESPONSE_BODY" Scalar ResponseBody,
    ResponseContentLength "RESPONSE_CONTENT_LENGTH" Scalar ResponseHeaders,
    ResponseContentType "RESPONSE_CONTENT_TYPE" Scalar ResponseHeaders,
    ResponseHeaders "RESPONSE_HEADERS" Collection ResponseHeaders,
    ResponseHeadersNames "RESPONSE_HEADERS_NAMES" Collection ResponseHeaders,
    ResponseProtocol "RESPONSE_PROTOCOL" Scalar ResponseHeaders,
    ResponseStatus "RESPONSE_STATUS" Scalar ResponseHeaders,
    StatusLine "STATUS_LINE" Scalar ResponseHeaders,
    OutboundDataError "OUTBOUND_DATA_ERROR" Scalar ResponseBody,
    StreamOutputBody "STREAM_OUTPUT_BODY" Scalar ResponseBody,
    StreamInputBody "STREAM_INPUT_BODY" Scalar RequestHeaders,
    Tx "TX" KeyedCollection RequestHeaders,
    Geo "GEO" Collection RequestHeaders,
    Global "GLOBAL" KeyedCollection RequestHeaders,
    Ip "IP" KeyedCollection RequestHeaders,
    Session "SESSION" KeyedCollection RequestHeaders,
    User "USER" KeyedCollection RequestHeaders,
    Resource "RESOURCE" KeyedCollection RequestHeaders,
    MatchedVar "MATCHED_VAR" Scalar RequestHeaders,
    MatchedVarName "MATCHED_VAR_NAME" Scalar RequestHeaders,
    MatchedVars "MATCHED_VARS" Collection RequestHeaders,
    MatchedVarsNames "MATCHED_VARS_NAMES" Collection RequestHeaders,
    HighestSeverity "HIGHEST_SEVERITY" Scalar RequestHeaders,
    Rule "RULE" KeyedCollection RequestHeaders,
    ModsecBuild "MODSEC_BUILD" Scalar RequestHeaders,
    SdbmDeleteError "SDBM_DELETE_ERROR" Scalar RequestHeaders,
    WebserverErrorLog "WEBSERVER_ERROR_LOG" Collection RequestHeaders,
    PerfRules "PERF_RULES" Collection Logging,
    PerfAll "PERF_ALL" Scalar Logging,
    PerfCombined "PERF_COMBINED" Scalar Logging,
    PerfGc "PERF_GC" Scalar Logging,
    PerfLogging "PERF_LOGGING" Scalar Logging,
    PerfPhase1 "PERF_PHASE1" Scalar Logging,
    PerfPhase2 "PERF_PHASE2" Scalar Logging,
    PerfPhase3 "PERF_PHASE3" Scalar Logging,
    PerfPhase4 "PERF_PHASE4" Scalar Logging,
    PerfPhase5 "PERF_PHASE5" Scalar Logging,
    PerfSread "PERF_SREAD" Scalar Logging,
    PerfSwrite "PERF_SWRITE" Scalar Logging,
    Duration "DURATION" Scalar RequestHeaders,
    Time "TIME" Scalar RequestHeaders,
    TimeDay "TIME_DAY" Scalar RequestHeaders,
    TimeEpoch "TIME_EPOCH" Scalar RequestHeaders,
    TimeHour "TIME_HOUR" Scalar RequestHeaders,
    TimeMin "TIME_MIN" Scalar RequestHeaders,
    TimeMon "TIME_MON" Scalar RequestHeaders,
    TimeSec "TIME_SEC" Scalar RequestHeaders,
    TimeWday "TIME_WDAY" Scalar RequestHeaders,
    TimeYear "TIME_YEAR" Scalar RequestHeaders,
    // Palisade's own.
    ClientAddress "CLIENT_ADDRESS" Scalar RequestHeaders,
    PeerAddress "PEER_ADDRESS" Scalar RequestHeaders,
    ForwardedFor "FORWARDED_FOR" Scalar RequestHeaders,
    XmlRpc "XMLRPC" Collection RequestBody,
    Pingback "PINGBACK" Collection RequestBody,
}

impl Variable {
    /// Finds a variable by name, in any case.
    pub fn lookup(name: &str) -> Option<Variable> {
        Self::ALL
            .iter()
            .copied()
            .find(|variable| variable.name().eq_ignore_ascii_case(name))
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
        // 126 names of 2.9, and five of our own.
        assert_eq!(Variable::ALL.len(), 126 + 5);
    }
}
