//! Every setting of a configuration section: its type, and its value where nothing is said.

use std::sync::Arc;
use std::time::Duration;

use crate::actions::AuditEngine;
use crate::audit;
use crate::body::{XmlArguments, cookies};
use crate::client;
use crate::collections::Collections;
use crate::debug_log::DebugLog;
use crate::limits;
use crate::linkback;
use crate::links;
use crate::login;
use crate::types::EngineMode;

/// Declares the settings twice: as options while sections are read and merged, and with their defaults applied.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr;)*) => {
        /// What one section says: only what it sets.
        #[derive(Clone, Default)]
        pub(super) struct Stated {
            $(pub(super) $name: Option<$type>,)*
        }

        impl Stated {
            /// What holds in a section inside another: its own word first.
            pub(super) fn over(&self, parent: &Stated) -> Stated {
                Stated { $($name: self.$name.clone().or_else(|| parent.$name.clone()),)* }
            }

            /// The values in force.
            pub(super) fn settle(&self) -> Settings {
                Settings { $($name: self.$name.clone().unwrap_or_else(|| $default),)* }
            }
        }

        /// The values in force.
        #[derive(Clone)]
        pub struct Settings {
            $($(#[$doc])* pub $name: $type,)*
        }
    };
}

settings! {
    /// `SecRuleEngine`
    engine: EngineMode = EngineMode::Off;
    /// `SecClientAddress`
    client_source: client::Source = client::Source::default();
    /// `SecTrustedProxy`
    trusted_proxies: Arc<client::networks::NetworkSet> = Arc::default();
    /// `SecClientAddressHeader`
    client_header: Arc<client::ForwardingHeader> = Arc::default();
    /// `SecStatusAccess`, all of them
    status_access: Arc<client::Admitted> = Arc::default();
    /// `SecRulePrefilter`
    prefilter: bool = true;
    /// `SecRequestTimeBudget`
    time_budget: Duration = Duration::from_millis(limits::REQUEST_TIME_BUDGET);
    /// `SecPingbackEngine`
    pingback_engine: EngineMode = EngineMode::Off;

    /// `SecConnEngine`
    connection_engine: EngineMode = EngineMode::Off;
    /// `SecConnReadStateLimit`
    connections_reading: Arc<super::connections::Limit> = Arc::default();
    /// `SecConnWriteStateLimit`
    connections_writing: Arc<super::connections::Limit> = Arc::default();
    /// `SecPingbackVerify`
    pingback_verify: Option<linkback::Options> = None;
    /// `SecPingbackGateway`
    pingback_gateway: Option<Arc<linkback::Endpoint>> = None;
    /// `SecPingbackAdvertise`
    pingback_advertise: Option<Arc<str>> = None;
    /// `SecPingbackResponse`
    pingback_response: PingbackResponse = PingbackResponse::Status;
    /// `SecBanEngine`, where it is said
    ban_engine: Option<EngineMode> = None;
    /// `SecBanFile`
    ban_file: Option<Arc<crate::bans::BanFile>> = None;
    /// `SecBanExempt`, all of them
    ban_exempt: Arc<client::networks::NetworkSet> = Arc::default();

    /// `SecRequestBodyAccess`
    request_body_access: bool = false;
    /// `SecRequestBodyLimit`, bytes
    request_body_limit: u64 = limits::REQUEST_BODY_LIMIT;
    /// `SecRequestBodyNoFilesLimit`, bytes
    request_body_no_files_limit: u64 = limits::REQUEST_BODY_NO_FILES_LIMIT;
    /// `SecRequestBodyInMemoryLimit`, bytes
    request_body_in_memory_limit: u64 = limits::REQUEST_BODY_IN_MEMORY_LIMIT;
    /// `SecRequestBodyLimitAction`
    request_body_limit_action: LimitAction = LimitAction::Reject;
    /// `SecRequestBodyJsonDepthLimit`
    json_depth_limit: usize = limits::JSON_DEPTH_LIMIT;
    /// `SecArgumentsLimit`
    arguments_limit: usize = limits::ARGUMENTS_LIMIT;
    /// `SecArgumentSeparator`
    argument_separator: u8 = b'&';
    /// `SecCookieFormat`
    cookie_format: cookies::Format = cookies::Format::default();
    /// `SecCookiev0Separator`
    cookie_v0_separator: Option<u8> = None;
    /// `SecXmlExternalEntity`
    xml_external_entity: bool = false;
    /// `SecParseXmlIntoArgs`
    xml_arguments: XmlArguments = XmlArguments::Off;
    /// `SecTmpDir`
    tmp_dir: Arc<str> = Arc::from(std::env::temp_dir().to_string_lossy());
    /// `SecUploadDir`
    upload_dir: Option<Arc<str>> = None;
    /// `SecUploadFileMode`
    upload_file_mode: u32 = 0o600;
    /// `SecUploadKeepFiles`
    upload_keep_files: KeepFiles = KeepFiles::Off;
    /// `SecTmpSaveUploadedFiles`
    tmp_save_uploaded_files: bool = false;
    /// `SecUploadFileLimit`
    upload_file_limit: usize = limits::UPLOAD_FILE_LIMIT;

    /// `SecStreamInBodyInspection`
    stream_in_body_inspection: bool = false;

    /// `SecResponseBodyAccess`
    response_body_access: bool = false;
    /// `SecResponseBodyLimit`, bytes
    response_body_limit: u64 = limits::RESPONSE_BODY_LIMIT;
    /// `SecResponseBodyLimitAction`
    response_body_limit_action: LimitAction = LimitAction::Reject;
    /// `SecResponseBodyMimeType`, in lower case; `null` stands for no type
    response_body_mime_types: Arc<Vec<String>> = Arc::new(vec!["text/plain".into(), "text/html".into()]);

    /// `SecStreamOutBodyInspection`
    stream_out_body_inspection: bool = false;
    /// `SecContentInjection`
    content_injection: bool = false;
    /// `SecDisableBackendCompression`
    disable_backend_compression: bool = false;
    /// `SecHashEngine`
    hash_engine: bool = false;
    /// `SecHashKey`
    hash_key: Arc<links::Key> = Arc::new(links::Key::random());
    /// `SecHashParam`
    hash_parameter: Arc<str> = Arc::from("crypt");
    /// `SecHashMethodRx` and `SecHashMethodPm`, all of them
    hash_methods: Arc<Vec<Arc<links::Method>>> = Arc::default();
    /// `SecRulePerfTime`, microseconds; 0 takes no times
    rule_perf_time: u64 = 0;
    /// `SecInterceptOnError`
    intercept_on_error: bool = false;

    /// `SecAuditEngine`
    audit_engine: AuditEngine = AuditEngine::Off;
    /// `SecAuditLog`
    audit_log: Option<Arc<audit::Target>> = None;
    /// `SecAuditLog2`
    audit_log2: Option<Arc<audit::Target>> = None;
    /// `SecAuditLogType`
    audit_type: Arc<audit::LogType> = Arc::default();
    /// `SecAuditLogStorageDir`
    audit_storage_dir: Option<Arc<std::path::Path>> = None;
    /// `SecAuditLogDirMode`
    audit_dir_mode: u32 = 0o750;
    /// `SecAuditLogFailure`
    audit_failure: audit::FailurePolicy = audit::FailurePolicy::default();
    /// `SecAuditLogParts`
    audit_parts: audit::Parts = audit::Parts::default();
    /// `SecAuditLogRelevantStatus`
    audit_relevant_status: Option<Arc<crate::operators::rx::Pattern>> = None;
    /// `SecAuditLogFormat`
    audit_format: audit::Format = audit::Format::default();
    /// `SecAuditLogFileMode`
    audit_file_mode: u32 = 0o640;

    /// `SecGuardianLog`
    guardian: Option<Arc<audit::Guardian>> = None;
    /// `SecLoginAudit`, all of a section
    login_audit: Arc<[Arc<login::Application>]> = Arc::default();
    /// `SecLoginAuditLog`
    login_log: Arc<login::Log> = Arc::default();
    /// `SecLoginAuditFormat`
    login_format: login::Format = login::Format::default();

    /// `SecDebugLog`
    debug_log: Option<Arc<DebugLog>> = None;
    /// `SecDebugLogLevel`
    debug_level: u8 = 0;

    /// `SecComponentSignature`, all of them
    component_signatures: Arc<Vec<String>> = Arc::default();
    /// `SecWebAppId`
    web_app_id: Arc<str> = Arc::from("default");
    /// `SecSensorId`
    sensor_id: Arc<str> = Arc::from("default");
    /// `SecCollectionTimeout`, seconds
    collection_timeout: i64 = limits::COLLECTION_TIMEOUT;
    /// `SecDataDir`, `SecCollectionStore`
    collections: Arc<Collections> = Collections::in_process();
    /// `SecUnicodeMapFile`
    unicode_map: Option<Arc<crate::transformations::UnicodeMap>> = None;
    /// What is accepted without effect: sentences for the administrator.
    notes: Arc<Vec<String>> = Arc::default();
    /// `SecGeoLookupDb`
    geo: Option<Arc<crate::lookups::Database>> = None;
    /// `SecHttpBlKey`
    http_bl_key: Option<Arc<str>> = None;
    /// `SecDnsServer`, all of them
    resolver: Arc<crate::lookups::Resolver> = Arc::default();
    /// `SecServerSignature`
    server_signature: Option<Arc<str>> = None;
    /// `SecChrootDir`
    chroot: Option<Arc<std::path::Path>> = None;
    /// `SecPcreMatchLimit`
    pcre_match_limit: Option<u32> = None;
    /// `SecPcreMatchLimitRecursion`
    pcre_match_limit_recursion: Option<u32> = None;
}

/// How a pingback that is refused is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PingbackResponse {
    /// With the status that the rule says.
    Status,
    /// With 200 and an XML-RPC fault.
    Fault,
}

/// What to do with a body over its limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LimitAction {
    /// Refuse the request (413) or the response (500).
    Reject,
    /// Look at what fits, let the rest pass.
    ProcessPartial,
}

/// Which uploaded files stay when their transaction is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeepFiles {
    /// None.
    Off,
    /// All that are not empty.
    On,
    /// Those of transactions that the audit log would call relevant.
    RelevantOnly,
}
