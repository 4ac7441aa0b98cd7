//! The directive table: one row a directive. What a row does is in the file of its theme.

mod absent;
mod audit;
mod bans;
mod body;
mod client;
mod connections;
mod engine;
mod linkbacks;
mod links;
mod login;
mod lookups;
mod rules;

use super::directive::{Arguments, Arity, Directive, Problem, Scope, Support};
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
        default: "",
        about: "",
        remark: "",
        differs: "",
        support: Support::Full,
        is_own: false,
        apply,
    }
}

/// What rows say besides, for the documentation.
impl Directive {
    const fn about(self, default: &'static str, about: &'static str) -> Directive {
        Directive {
            default,
            about,
            ..self
        }
    }

    const fn remark(self, remark: &'static str) -> Directive {
        Directive { remark, ..self }
    }

    const fn differs(self, differs: &'static str) -> Directive {
        Directive { differs, ..self }
    }

    const fn support(self, support: Support) -> Directive {
        Directive { support, ..self }
    }

    const fn own(self) -> Directive {
        Directive {
            is_own: true,
            ..self
        }
    }
}

use Arity::*;
use Scope::*;

/// Every directive that Palisade takes.
#[rustfmt::skip] // a table: one row a line
pub static DIRECTIVES: &[Directive] = &[
    // The engine and its rules.
    row("SecRuleEngine", One, Anywhere, "On, Off or DetectionOnly", engine::rule_engine)
        .about("Off", "whether rules run, and whether they may refuse; DetectionOnly never changes an answer"),
    row("SecRule", TwoOrThree, Anywhere, "rule targets, operator and optional action list", rules::rule)
        .about("", "a rule: what its operator matches among the targets, and what follows from it"),
    row("SecAction", One, Anywhere, "an action list", rules::action)
        .about("", "a rule that always matches"),
    row("SecRuleScript", OneOrTwo, Anywhere, "a Lua script and optional action list", rules::script)
        .about("", "a rule whose condition is a script")
        .remark("Lua 5.1; refused by a build without the feature `lua`")
        .differs("scripts are Lua 5.1, compiled in"),
    row("SecMarker", One, Anywhere, "the name of a place for skipAfter", rules::marker)
        .about("", "a place in all five phases that `skipAfter` can go to"),
    row("SecDefaultAction", One, Anywhere, "default action list", rules::default_action)
        .about("phase:2,log,auditlog,pass", "the actions of rules that do not say otherwise; not inherited by other sections")
        .remark("one list a phase"),
    row("SecRuleInheritance", Flag, Anywhere, "On or Off", rules::inheritance)
        .about("On", "whether a section runs the rules of the section around it"),
    row("SecRuleRemoveById", Iterate, Anywhere, "rule ids and ranges", rules::remove_by_id)
        .about("", "takes out rules by id or range, those above and those of outer sections"),
    row("SecRuleRemoveByTag", Iterate, Anywhere, "regular expressions for tags", rules::remove_by_tag)
        .about("", "takes out rules of which a tag matches the regular expression"),
    row("SecRuleRemoveByMsg", Iterate, Anywhere, "regular expressions for messages", rules::remove_by_msg)
        .about("", "takes out rules of which the message matches the regular expression"),
    row("SecRuleUpdateTargetById", TwoOrThree, Anywhere, "rule id, targets, and optionally the targets they replace", rules::update_target_by_id)
        .about("", "adds, excludes or replaces targets of rules above it in the same section"),
    row("SecRuleUpdateTargetByTag", TwoOrThree, Anywhere, "tag pattern, targets, and optionally the targets they replace", rules::update_target_by_tag)
        .about("", "adds, excludes or replaces targets of rules of which a tag matches the regular expression"),
    row("SecRuleUpdateTargetByMsg", TwoOrThree, Anywhere, "message pattern, targets, and optionally the targets they replace", rules::update_target_by_msg)
        .about("", "adds, excludes or replaces targets of rules of which the message matches the regular expression"),
    row("SecRuleUpdateActionById", Two, Anywhere, "rule id, perhaps :position in the chain, and actions", rules::update_action_by_id)
        .about("", "changes the actions of a rule above it in the same section, but neither its id nor its phase"),
    row("SecInterceptOnError", Flag, Anywhere, "On or Off", engine::intercept_on_error)
        .about("Off", "whether a rule that fails ends its phase, and a response with 500"),
    row("SecRulePerfTime", One, Anywhere, "microseconds", engine::rule_perf_time)
        .about("", "rules that take so long are named with their time, in PERF_RULES and part H")
        .remark("every rule is asked about every value then, as with `SecRulePrefilter Off`")
        .differs("every rule is asked about every value then: for measuring only"),
    row("SecComponentSignature", One, Server, "a name and version to add to the Producer line", engine::component_signature)
        .about("", "names a rule set in the line `Producer:` of audit records"),
    row("SecWebAppId", One, Anywhere, "a name for this application", engine::web_app_id)
        .about("default", "separates the sessions, users and resources of applications"),
    row("SecSensorId", One, Server, "a name for this server", engine::sensor_id)
        .about("default", "names this server in audit records"),
    row("SecCollectionTimeout", One, Anywhere, "seconds, at most 2592000", engine::collection_timeout)
        .about("3600", "how long persistent collections live after their last change"),
    row("SecDataDir", One, MainServer, "a directory for persistent collections", engine::data_dir)
        .about("", "where persistent collections are kept")
        .remark("one file, `palisade-collections`; [collections.md](collections.md)")
        .differs("persistent collections are one file in there, palisade-collections, which begins empty"),
    row("SecPcreMatchLimit", One, MainServer, "steps a PCRE2 match may take", engine::pcre_match_limit)
        .about("100000", "how long a pattern may try that is not matched in linear time")
        .remark("only for patterns that are not linear"),
    row("SecPcreMatchLimitRecursion", One, MainServer, "depth a PCRE2 match may reach", engine::pcre_match_limit_recursion)
        .about("100000", "how deep a pattern may go that is not matched in linear time")
        .remark("only for patterns that PCRE2 runs"),
    row("SecUnicodeMapFile", OneOrTwo, Server, "a unicode map file and the code page to use", engine::unicode_map_file)
        .about("", "how `urlDecodeUni` maps characters beyond ASCII"),
    row("SecGeoLookupDb", One, Server, "a database in the format .mmdb", lookups::geo_database)
        .about("", "the database of `@geoLookup`")
        .remark("databases in the format `.mmdb`; the older `.dat` is refused"),
    row("SecHttpBlKey", One, Anywhere, "a key of Project Honey Pot", lookups::http_bl_key)
        .about("", "the key for lists of Project Honey Pot, which `@rbl` asks"),
    row("SecServerSignature", One, MainServer, "what the server calls itself in answers", engine::server_signature)
        .about("", "the header `Server` of answers")
        .remark("with `ServerTokens Full`; part H keeps httpd's own name"),
    row("SecChrootDir", One, MainServer, "the directory that becomes the root", engine::chroot)
        .about("", "the directory that becomes the root of the server's processes")
        .remark("what is opened after the start must be inside: documents, temporary files, the time zone, the configuration for restarts"),
    // The request.
    row("SecRequestBodyAccess", Flag, Anywhere, "On or Off", body::request_access)
        .about("Off", "whether request bodies are read before the handler gets them"),
    row("SecRequestBodyLimit", One, Anywhere, "bytes", body::request_limit)
        .about("134217728", "the largest request body"),
    row("SecRequestBodyNoFilesLimit", One, Anywhere, "bytes", body::request_no_files_limit)
        .about("1048576", "the largest request body, uploaded files not counted"),
    row("SecRequestBodyInMemoryLimit", One, Anywhere, "bytes", body::request_in_memory_limit)
        .about("131072", "what of a body is held in memory; the rest is in a file"),
    row("SecRequestBodyLimitAction", One, Anywhere, "Reject or ProcessPartial", body::request_limit_action)
        .about("Reject", "whether a body over its limit is refused with 413, or looked at as far as the limit"),
    row("SecRequestBodyJsonDepthLimit", One, Anywhere, "levels", body::json_depth_limit)
        .about("10000", "how deep JSON may be nested"),
    row("SecArgumentsLimit", One, Anywhere, "number of arguments", body::arguments_limit)
        .about("1000", "how many arguments are kept"),
    row("SecArgumentSeparator", One, Anywhere, "one character", body::argument_separator)
        .about("&", "what stands between arguments in queries and urlencoded bodies"),
    row("SecCookieFormat", One, Anywhere, "0 or 1", body::cookie_format)
        .about("0", "whether cookies are read as Netscape or as RFC 2109 defines them"),
    row("SecCookiev0Separator", One, Anywhere, "one character", body::cookie_v0_separator)
        .about("", "what stands between cookies of format 0; otherwise `;`, or `,` where there is none"),
    row("SecXmlExternalEntity", Flag, Anywhere, "On or Off", body::xml_external_entity)
        .about("Off", "whether XML may declare an external subset")
        .remark("nothing is ever fetched: `On`, with a notice at start, only makes a document type declaration with an external subset no error")
        .differs("nothing is ever fetched: a document that declares an external subset is only no error"),
    row("SecParseXmlIntoArgs", One, Anywhere, "On, Off or OnlyArgs", body::xml_arguments)
        .about("Off", "whether the elements of XML are arguments, too, or nothing else")
        .remark("as in 2.9.9 and later"),
    row("SecTmpDir", One, Anywhere, "a directory for temporary files", body::tmp_dir)
        .about("$TMPDIR, $TEMP, $TMP, /tmp", "where bodies and uploads are kept while the request lasts"),
    row("SecTmpSaveUploadedFiles", Flag, Anywhere, "On or Off", body::tmp_save_uploaded_files)
        .about("Off", "whether uploads are in files while rules run"),
    row("SecUploadDir", One, Anywhere, "a directory for the files that are kept, or none", body::upload_dir)
        .about("", "where uploaded files are kept"),
    row("SecUploadKeepFiles", One, Anywhere, "On, Off or RelevantOnly", body::upload_keep_files)
        .about("Off", "whether uploaded files are kept: all of them, or those of relevant transactions"),
    row("SecUploadFileMode", One, Anywhere, "an octal mode, or default", body::upload_file_mode)
        .about("0600", "the mode of uploaded files"),
    row("SecUploadFileLimit", One, Anywhere, "number of files", body::upload_file_limit)
        .about("100", "how many files one request may upload; more set MULTIPART_FILE_LIMIT_EXCEEDED"),
    row("SecStreamInBodyInspection", Flag, Anywhere, "On or Off", body::stream_in)
        .about("Off", "whether STREAM_INPUT_BODY is there, and `@rsub` may change it")
        .remark("see [Rewritten bodies](#rewritten-bodies)"),
    row("SecDisableBackendCompression", Flag, Anywhere, "On or Off", body::disable_backend_compression)
        .about("Off", "whether backends are kept from compressing, so that phase 4 can read")
        .remark("see [Rewritten bodies](#rewritten-bodies)"),
    // The response.
    row("SecResponseBodyAccess", Flag, Anywhere, "On or Off", body::response_access)
        .about("Off", "whether response bodies are held back and shown to phase 4"),
    row("SecResponseBodyLimit", One, Anywhere, "bytes, at most 1073741824", body::response_limit)
        .about("524288", "the largest response body that is held back"),
    row("SecResponseBodyLimitAction", One, Anywhere, "Reject or ProcessPartial", body::response_limit_action)
        .about("Reject", "whether a response over its limit is answered with 500, or looked at as far as the limit"),
    row("SecResponseBodyMimeType", Iterate, Anywhere, "media types", body::mime_types)
        .about("text/plain text/html", "the types of responses to look at; `null` for those without one"),
    row("SecResponseBodyMimeTypesClear", Any, Anywhere, "", body::mime_types_clear)
        .about("", "forgets all types"),
    row("SecStreamOutBodyInspection", Flag, Anywhere, "On or Off", body::stream_out)
        .about("Off", "whether STREAM_OUTPUT_BODY is there, and `@rsub` may change it")
        .remark("see [Rewritten bodies](#rewritten-bodies)"),
    row("SecContentInjection", Flag, Anywhere, "On or Off", body::content_injection)
        .about("Off", "whether `prepend`, `append`, `@rsub` and signed links may change responses")
        .remark("see [Rewritten bodies](#rewritten-bodies)"),
    // Signed links.
    row("SecHashEngine", Flag, Anywhere, "On or Off", links::engine)
        .about("Off", "whether links are signed and checked")
        .remark("see [Signed links](#signed-links)"),
    row("SecHashKey", Two, Anywhere, "a key or rand, and KeyOnly, SessionID or RemoteIP", links::key)
        .about("rand KeyOnly", "the key, and what else goes into a proof")
        .remark("see [Signed links](#signed-links)"),
    row("SecHashParam", One, Anywhere, "the name of a parameter", links::parameter)
        .about("crypt", "the parameter that carries the proof")
        .remark("see [Signed links](#signed-links)"),
    row("SecHashMethodRx", Two, Anywhere, "a place of links and a regular expression", links::method_rx)
        .about("", "which links of a kind are signed, by regular expression")
        .remark("see [Signed links](#signed-links)"),
    row("SecHashMethodPm", Two, Anywhere, "a place of links and phrases", links::method_pm)
        .about("", "which links of a kind are signed, by phrases")
        .remark("see [Signed links](#signed-links)"),
    // Connections.
    row("SecConnEngine", One, Anywhere, "On, Off or DetectionOnly", connections::engine)
        .about("Off", "whether the limits of connections hold; one word for the whole server"),
    row("SecConnReadStateLimit", OneOrTwo, Anywhere, "a number, and optionally [!]@ipMatch or [!]@ipMatchFromFile with addresses", connections::reading)
        .about("", "how many connections of one address may be reading a request; addresses are those that the limit holds for, or with `!` those that it does not hold for")
        .remark("limits need `ExtendedStatus`, and switch it on"),
    row("SecConnWriteStateLimit", OneOrTwo, Anywhere, "a number, and optionally [!]@ipMatch or [!]@ipMatchFromFile with addresses", connections::writing)
        .about("", "how many connections of one address may be writing a response; addresses as for SecConnReadStateLimit"),
    row("SecReadStateLimit", OneOrTwo, Anywhere, "use SecConnReadStateLimit instead", connections::reading_by_its_older_name)
        .about("", "the older name of SecConnReadStateLimit"),
    row("SecWriteStateLimit", OneOrTwo, Anywhere, "use SecConnWriteStateLimit instead", connections::writing_by_its_older_name)
        .about("", "the older name of SecConnWriteStateLimit"),
    // Logs.
    row("SecAuditEngine", One, Anywhere, "On, Off or RelevantOnly", audit::engine)
        .about("Off", "which transactions get an audit record"),
    row("SecAuditLog", One, Anywhere, "a file, or a program after |", audit::log)
        .about("", "where audit records go, or their index")
        .remark("a program after `|` is written as for `CustomLog`: `\"|/usr/bin/mlogc /etc/mlogc.conf\"`, `\"|$shell command\"`"),
    row("SecAuditLog2", One, Anywhere, "a second index of a concurrent log: a file, or a program after |", audit::log2)
        .about("", "a second index of a concurrent log")
        .remark("as `SecAuditLog`, which must come first"),
    row("SecAuditLogStorageDir", One, Anywhere, "the directory of a concurrent log's records", audit::storage_dir)
        .about("the directory of SecAuditLog", "where the records of a concurrent log are kept"),
    row("SecAuditLogDirMode", One, Anywhere, "an octal mode for the directories of a concurrent log, or default", audit::dir_mode)
        .about("0750", "the mode of directories that a concurrent log makes"),
    row("SecAuditLogParts", One, Anywhere, "letters from A to K, and Z", audit::parts)
        .about("ABCFHZ", "which parts a record has"),
    row("SecAuditLogRelevantStatus", One, Anywhere, "a regular expression for the status", audit::relevant_status)
        .about("", "which statuses make a transaction relevant"),
    row("SecAuditLogType", OneToThree, Anywhere, "Serial, Concurrent, or Syslog with an optional facility.severity and socket", audit::log_type)
        .about("Serial", "one file for all records, a file for each, or syslog")
        .remark("`Syslog`, too"),
    row("SecAuditLogFormat", One, Anywhere, "Native, JSON or ECS", audit::format)
        .about("Native", "how records are written")
        .remark("`ECS`, too"),
    row("SecAuditLogFileMode", One, Anywhere, "an octal mode, or default", audit::file_mode)
        .about("0640", "the mode of audit logs; it must come before SecAuditLog"),
    row("SecGuardianLog", OneOrTwo, MainServer, "a file, or a program after |, and optionally env=NAME or env=!NAME", audit::guardian)
        .about("", "one line a request, for httpd-guardian and its kin; with `env=`, only where that variable is set, or is not"),
    row("SecDebugLog", One, Anywhere, "a file", audit::debug_log)
        .about("", "where the engine tells what it does, step by step"),
    row("SecDebugLogLevel", One, Anywhere, "0 to 9", audit::debug_level)
        .about("0", "how much the debug log tells, from nothing (0) to everything (9)"),
    // Accepted without effect, with a notice at start.
    row("SecStatusEngine", One, Anywhere, "Palisade never reports to anybody", absent::noticed_switch)
        .about("Off", "would report this server's versions to its makers")
        .remark("Palisade never reports to anybody")
        .support(Support::NoEffect),
    row("SecCacheTransformations", OneOrTwo, Anywhere, "the engine keeps transformed values by itself where that pays", absent::noticed_switch)
        .about("Off", "would keep transformed values")
        .remark("the engine keeps them by itself where that pays")
        .support(Support::NoEffect),
    row("SecRequestEncoding", One, Anywhere, "mod_security2 makes no use of it either", absent::noticed)
        .about("", "would name the encoding of requests")
        .remark("nor has it any in mod_security2")
        .support(Support::NoEffect),
    row("SecUnicodeCodePage", One, Server, "name the code page in SecUnicodeMapFile", absent::noticed_number)
        .about("", "once named the code page of SecUnicodeMapFile")
        .remark("nor has it any in mod_security2")
        .support(Support::NoEffect),
    // Refused, with the reason.
    row("SecGsbLookupDb", Any, Server, "the service behind it has ended", absent::refused)
        .about("", "the database of `@gsbLookup`")
        .remark("the service behind it has ended")
        .support(Support::Refused),
    row("SecRemoteRules", Any, Anywhere, "rules that a server fetches at start can be anybody's; fetch them by other means", absent::refused)
        .about("", "would fetch rules at start")
        .remark("rules that are fetched at start can be anybody's")
        .support(Support::Refused),
    row("SecRemoteRulesFailAction", Any, Anywhere, "SecRemoteRules is not supported", absent::refused)
        .about("Abort", "what follows where SecRemoteRules fails")
        .remark("rules that are fetched at start can be anybody's")
        .support(Support::Refused),
    // Palisade's own.
    row("SecClientAddress", One, Server, "peer, remoteip or header", client::mode)
        .about("remoteip", "who the client is: the peer, whom httpd and mod_remoteip name, or whom a header names")
        .own(),
    row("SecTrustedProxy", Iterate, Server, "addresses and networks of proxies", client::trusted_proxy)
        .about("", "your proxies: believed, and never blamed")
        .own(),
    row("SecClientAddressHeader", One, Server, "the header that trusted proxies write", client::header)
        .about("X-Forwarded-For", "the header that trusted proxies write: that one, `Forwarded`, or one that holds a single address")
        .own(),
    row("SecCollectionStore", Any, MainServer, "memory, file:DIRECTORY or the address of a Redis server, and options", engine::collection_store)
        .about("file in SecDataDir", "where persistent collections live")
        .remark("[collections.md](collections.md)")
        .own(),
    row("SecRulePrefilter", Flag, Anywhere, "Off asks every rule about every value, for comparison", engine::rule_prefilter)
        .about("On", "Off asks every rule about every value, for comparison; results are the same")
        .own(),
    row("SecRequestTimeBudget", One, Anywhere, "milliseconds that the rules of one request may take", engine::request_time_budget)
        .about("5000", "how many milliseconds the rules of one request may take, 1 to 3600000; then only rules that look at TX are asked, and `TX:MSC_TIME_BUDGET_EXCEEDED` is 1")
        .own(),
    row("SecAuditLogFailure", One, Anywhere, "open or closed: what becomes of a request whose audit record cannot be written", audit::failure)
        .about("open", "what becomes of a request whose audit record cannot be written: served, or answered with 503")
        .remark("[audit-log.md](audit-log.md)")
        .own(),
    row("SecDnsServer", Iterate, Anywhere, "name servers for @rbl and SecPingbackVerify, with a port where it is not 53", lookups::dns_server)
        .about("those of /etc/resolv.conf", "the name servers of `@rbl` and `SecPingbackVerify`")
        .own(),
    row("SecLoginAudit", Iterate, Anywhere, "a preset, or generic and key=value, or Off", login::audit)
        .about("Off", "which application's logins are written to auth.log: `known`, `wordpress`, `elgg`, `nextcloud`, `drupal`, `phpmyadmin`, `basic`, `cooperative`, or `generic` and `key=value`")
        .remark("[logins.md](logins.md)")
        .own(),
    row("SecLoginAuditLog", OneOrTwo, Anywhere, "syslog or syslog:FACILITY with an optional socket, a file, or a program after |", login::log)
        .about("syslog:AUTH", "where logins are written: the log daemon, which may listen elsewhere than at `/dev/log`, a file, or a program")
        .remark("[logins.md](logins.md)")
        .own(),
    row("SecLoginAuditFormat", One, Anywhere, "LoginSyslog or wp-fail2ban", login::format)
        .about("LoginSyslog", "in whose words logins are written")
        .remark("[logins.md](logins.md)")
        .own(),
    row("SecBanEngine", One, Anywhere, "On, Off or DetectionOnly", bans::engine)
        .about("On with SecBanFile, else Off", "whether clients that rules (`CLIENT:banned`) or SecBanFile have banned are cut off, as far as SecRuleEngine goes")
        .remark("[bans.md](bans.md)")
        .own(),
    row("SecBanFile", One, Server, "a file of addresses to cut off", bans::file)
        .about("", "a file of addresses to cut off, which any program may write")
        .remark("[bans.md](bans.md)")
        .own(),
    row("SecBanExempt", Iterate, Server, "addresses and networks that are never cut off", bans::exempt)
        .about("", "who is never cut off")
        .own(),
    row("SecPingbackResponse", One, Anywhere, "status or fault", engine::pingback_response)
        .about("status", "how a pingback that is refused is answered: with the rule's status, or with 200 and an XML-RPC fault")
        .remark("[pingback.md](pingback.md)")
        .own(),
    row("SecPingbackEngine", One, Anywhere, "On, Off or DetectionOnly", engine::pingback_engine)
        .about("Off", "whether XML-RPC calls are read, and pingbacks looked at")
        .remark("[pingback.md](pingback.md)")
        .own(),
    row("SecPingbackVerify", Any, Anywhere, "On or Off, and limits: timeout=, bytes=, at-once=, per-minute=, per-host=", linkbacks::verify)
        .about("Off", "whether the source of a ping is fetched and searched for the link")
        .remark("[pingback.md](pingback.md#verification)")
        .own(),
    row("SecPingbackGateway", One, Anywhere, "the URL of a webmention endpoint, discover or Off", linkbacks::gateway)
        .about("Off", "makes its location a pingback endpoint that delivers webmentions")
        .remark("[pingback.md](pingback.md#gateway)")
        .own(),
    row("SecPingbackAdvertise", One, Anywhere, "the URL of a pingback endpoint, or Off", linkbacks::advertise)
        .about("Off", "the header `X-Pingback` of pages that have none")
        .remark("[pingback.md](pingback.md#gateway)")
        .own(),
    row("SecStatusAccess", Iterate, Anywhere, "who may see palisade-status: local, all, or addresses and networks", client::status_access)
        .about("local", "who may see the status page besides this machine itself: nobody, all, or clients with these addresses")
        .remark("[status.md](status.md)")
        .own(),
];
