//! The directive table: one row a directive. What a row does is in the file of its theme.

mod absent;
mod audit;
mod body;
mod client;
mod engine;
mod links;
mod lookups;
mod rules;

use super::directive::{Arguments, Arity, Directive, Problem, Scope};
use super::section::Section;

type Apply = fn(&mut Section, &Arguments<'_>) -> Result<(), Problem>;

const fn row(
    name: &'static str,
    arity: Arity,
    scope: Scope,
    help: &'static str,
    apply: Apply,
) -> Directive {
    Directive {
        name,
        arity,
        scope,
        help,
        apply,
    }
}

use Arity::*;
use Scope::*;

/// Every directive that Palisade takes.
#[rustfmt::skip] // a table: one row a line
pub static DIRECTIVES: &[Directive] = &[
    // The engine and its rules.
    row("SecRuleEngine", One, Anywhere, "On, Off or DetectionOnly", engine::rule_engine),
    row("SecRule", TwoOrThree, Anywhere, "rule targets, operator and optional action list", rules::rule),
    row("SecAction", One, Anywhere, "an action list", rules::action),
    row("SecRuleScript", OneOrTwo, Anywhere, "a Lua script and optional action list", rules::script),
    row("SecMarker", One, Anywhere, "the name of a place for skipAfter", rules::marker),
    row("SecDefaultAction", One, Anywhere, "default action list", rules::default_action),
    row("SecRuleInheritance", Flag, Anywhere, "On or Off", rules::inheritance),
    row("SecRuleRemoveById", Iterate, Anywhere, "rule ids and ranges", rules::remove_by_id),
    row("SecRuleRemoveByTag", Iterate, Anywhere, "regular expressions for tags", rules::remove_by_tag),
    row("SecRuleRemoveByMsg", Iterate, Anywhere, "regular expressions for messages", rules::remove_by_msg),
    row("SecRuleUpdateTargetById", TwoOrThree, Anywhere, "rule id, targets, and optionally the targets they replace", rules::update_target_by_id),
    row("SecRuleUpdateTargetByTag", TwoOrThree, Anywhere, "tag pattern, targets, and optionally the targets they replace", rules::update_target_by_tag),
    row("SecRuleUpdateTargetByMsg", TwoOrThree, Anywhere, "message pattern, targets, and optionally the targets they replace", rules::update_target_by_msg),
    row("SecRuleUpdateActionById", Two, Anywhere, "rule id, perhaps :position in the chain, and actions", rules::update_action_by_id),
    row("SecInterceptOnError", Flag, Anywhere, "On or Off", engine::intercept_on_error),
    row("SecComponentSignature", One, Server, "a name and version to add to the Producer line", engine::component_signature),
    row("SecWebAppId", One, Anywhere, "a name for this application", engine::web_app_id),
    row("SecSensorId", One, Server, "a name for this server", engine::sensor_id),
    row("SecCollectionTimeout", One, Anywhere, "seconds, at most 2592000", engine::collection_timeout),
    row("SecDataDir", One, MainServer, "a directory for persistent collections", engine::data_dir),
    row("SecPcreMatchLimit", One, MainServer, "steps a PCRE2 match may take", engine::pcre_match_limit),
    row("SecPcreMatchLimitRecursion", One, MainServer, "depth a PCRE2 match may reach", engine::pcre_match_limit_recursion),
    row("SecUnicodeMapFile", OneOrTwo, Server, "a unicode map file and the code page to use", engine::unicode_map_file),
    row("SecGeoLookupDb", One, Server, "a database in the format .mmdb", lookups::geo_database),
    row("SecHttpBlKey", One, Anywhere, "a key of Project Honey Pot", lookups::http_bl_key),
    row("SecServerSignature", One, MainServer, "what the server calls itself in answers", engine::server_signature),
    row("SecChrootDir", One, MainServer, "the directory that becomes the root", engine::chroot),
    // The request.
    row("SecRequestBodyAccess", Flag, Anywhere, "On or Off", body::request_access),
    row("SecRequestBodyLimit", One, Anywhere, "bytes", body::request_limit),
    row("SecRequestBodyNoFilesLimit", One, Anywhere, "bytes", body::request_no_files_limit),
    row("SecRequestBodyInMemoryLimit", One, Anywhere, "bytes", body::request_in_memory_limit),
    row("SecRequestBodyLimitAction", One, Anywhere, "Reject or ProcessPartial", body::request_limit_action),
    row("SecRequestBodyJsonDepthLimit", One, Anywhere, "levels", body::json_depth_limit),
    row("SecArgumentsLimit", One, Anywhere, "number of arguments", body::arguments_limit),
    row("SecArgumentSeparator", One, Anywhere, "one character", body::argument_separator),
    row("SecCookieFormat", One, Anywhere, "0 or 1", body::cookie_format),
    row("SecCookiev0Separator", One, Anywhere, "one character", body::cookie_v0_separator),
    row("SecXmlExternalEntity", Flag, Anywhere, "On or Off", body::xml_external_entity),
    row("SecParseXmlIntoArgs", One, Anywhere, "On, Off or OnlyArgs", body::xml_arguments),
    row("SecTmpDir", One, Anywhere, "a directory for temporary files", body::tmp_dir),
    row("SecTmpSaveUploadedFiles", Flag, Anywhere, "On or Off", body::tmp_save_uploaded_files),
    row("SecUploadDir", One, Anywhere, "a directory for the files that are kept, or none", body::upload_dir),
    row("SecUploadKeepFiles", One, Anywhere, "On, Off or RelevantOnly", body::upload_keep_files),
    row("SecUploadFileMode", One, Anywhere, "an octal mode, or default", body::upload_file_mode),
    row("SecUploadFileLimit", One, Anywhere, "number of files", body::upload_file_limit),
    row("SecStreamInBodyInspection", Flag, Anywhere, "On or Off", body::stream_in),
    row("SecDisableBackendCompression", Flag, Anywhere, "On or Off", body::disable_backend_compression),
    // The response.
    row("SecResponseBodyAccess", Flag, Anywhere, "On or Off", body::response_access),
    row("SecResponseBodyLimit", One, Anywhere, "bytes, at most 1073741824", body::response_limit),
    row("SecResponseBodyLimitAction", One, Anywhere, "Reject or ProcessPartial", body::response_limit_action),
    row("SecResponseBodyMimeType", Iterate, Anywhere, "media types", body::mime_types),
    row("SecResponseBodyMimeTypesClear", Any, Anywhere, "", body::mime_types_clear),
    row("SecStreamOutBodyInspection", Flag, Anywhere, "On or Off", body::stream_out),
    row("SecContentInjection", Flag, Anywhere, "On or Off", body::content_injection),
    // Signed links.
    row("SecHashEngine", Flag, Anywhere, "On or Off", links::engine),
    row("SecHashKey", Two, Anywhere, "a key or rand, and KeyOnly, SessionID or RemoteIP", links::key),
    row("SecHashParam", One, Anywhere, "the name of a parameter", links::parameter),
    row("SecHashMethodRx", Two, Anywhere, "a place of links and a regular expression", links::method_rx),
    row("SecHashMethodPm", Two, Anywhere, "a place of links and phrases", links::method_pm),
    // Logs.
    row("SecAuditEngine", One, Anywhere, "On, Off or RelevantOnly", audit::engine),
    row("SecAuditLog", One, Anywhere, "a file, or a program after |", audit::log),
    row("SecAuditLog2", One, Anywhere, "a second index of a concurrent log: a file, or a program after |", audit::log2),
    row("SecAuditLogStorageDir", One, Anywhere, "the directory of a concurrent log's records", audit::storage_dir),
    row("SecAuditLogDirMode", One, Anywhere, "an octal mode for the directories of a concurrent log, or default", audit::dir_mode),
    row("SecAuditLogParts", One, Anywhere, "letters from A to K, and Z", audit::parts),
    row("SecAuditLogRelevantStatus", One, Anywhere, "a regular expression for the status", audit::relevant_status),
    row("SecAuditLogType", OneToThree, Anywhere, "Serial, Concurrent, or Syslog with an optional facility.severity and socket", audit::log_type),
    row("SecAuditLogFormat", One, Anywhere, "Native, JSON or ECS", audit::format),
    row("SecAuditLogFileMode", One, Anywhere, "an octal mode, or default", audit::file_mode),
    row("SecDebugLog", One, Anywhere, "a file", audit::debug_log),
    row("SecDebugLogLevel", One, Anywhere, "0 to 9", audit::debug_level),
    // Accepted without effect, with a notice at start.
    row("SecStatusEngine", One, Anywhere, "Palisade never reports to anybody", absent::noticed_switch),
    row("SecCacheTransformations", OneOrTwo, Anywhere, "the engine keeps transformed values by itself where that pays", absent::noticed_switch),
    row("SecRequestEncoding", One, Anywhere, "mod_security2 makes no use of it either", absent::noticed),
    row("SecUnicodeCodePage", One, Server, "name the code page in SecUnicodeMapFile", absent::noticed_number),
    // Accepted where they ask for nothing.
    row("SecConnEngine", One, Anywhere, "connection limits are not supported by this version", absent::off_only),
    // Refused, with the reason.
    row("SecGuardianLog", Any, MainServer, "it is not supported by this version", absent::refused),
    row("SecGsbLookupDb", Any, Server, "the service behind it has ended", absent::refused),
    row("SecConnReadStateLimit", Any, Anywhere, "connection limits are not supported by this version", absent::refused),
    row("SecConnWriteStateLimit", Any, Anywhere, "connection limits are not supported by this version", absent::refused),
    row("SecReadStateLimit", Any, Anywhere, "connection limits are not supported by this version", absent::refused),
    row("SecWriteStateLimit", Any, Anywhere, "connection limits are not supported by this version", absent::refused),
    row("SecRulePerfTime", Any, Anywhere, "it is not supported by this version", absent::refused),
    row("SecRemoteRules", Any, Anywhere, "rules that a server fetches at start can be anybody's; fetch them by other means", absent::refused),
    row("SecRemoteRulesFailAction", Any, Anywhere, "SecRemoteRules is not supported", absent::refused),
    // Palisade's own.
    row("SecClientAddress", One, Server, "peer, remoteip or header", client::mode),
    row("SecTrustedProxy", Iterate, Server, "addresses and networks of proxies", client::trusted_proxy),
    row("SecClientAddressHeader", One, Server, "the header that trusted proxies write", client::header),
    row("SecCollectionStore", Any, MainServer, "memory, file:DIRECTORY or the address of a Redis server, and options", engine::collection_store),
    row("SecRulePrefilter", Flag, Anywhere, "Off asks every rule about every value, for comparison", engine::rule_prefilter),
    row("SecAuditLogFailure", One, Anywhere, "open or closed: what becomes of a request whose audit record cannot be written", audit::failure),
    row("SecDnsServer", Iterate, Anywhere, "name servers for @rbl, with a port where it is not 53", lookups::dns_server),
    row("SecPingbackEngine", One, Anywhere, "On, Off or DetectionOnly", engine::pingback_engine),
];
