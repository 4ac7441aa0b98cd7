//! Every bound of the engine, in one place.
//!
//! A bound exists because input is hostile; each one has a name, a value and the reason for that value. Going over a
//! bound is never silent: the parser that enforces it sets an error or a flag that a rule can read.
//!
//! The constants are the *defaults*. Those that a directive can change say which; the others are fixed at build time.
//! One section per room, in the order in which a request meets them; add yours as a section of its own.

// ---------------------------------------------------------------------------------------------------------------------
// body: arguments
// ---------------------------------------------------------------------------------------------------------------------

/// Most arguments kept from the query string and the body together. `SecArgumentsLimit`, default of mod_security2 2.9.7.
///
/// An application reads a few dozen; beyond this only the flag `arguments_limit_exceeded` grows, not the memory.
pub const ARGUMENTS_LIMIT: usize = 1000;

/// Longest prefix, in bytes, that a version 1 cookie lends to its `$Path`/`$Domain` attributes (`$name_Path`).
///
/// Real cookie names have some 30 bytes. Without a bound, one long name followed by thousands of attributes would make
/// quadratic memory out of a linear header; an attribute over the bound keeps its own name.
pub const COOKIE_ATTRIBUTE_PREFIX_LIMIT: usize = 128;

// ---------------------------------------------------------------------------------------------------------------------
// body: XML
// ---------------------------------------------------------------------------------------------------------------------

/// Deepest nesting of XML elements below the root.
///
/// The same as libxml2's (`xmlParserMaxDepth`), so a deeper document never passed mod_security2.
pub const XML_DEPTH_LIMIT: usize = 256;

/// Most elements in one XML document.
///
/// As many `<a/>` as fit in a body of the default `SecRequestBodyNoFilesLimit` (1 MiB): nothing that the size limit
/// admits by default is refused for its shape.
pub const XML_ELEMENT_LIMIT: usize = 262_144;

/// Most elements, texts, CDATA sections, comments and instructions in one XML document.
///
/// More than fit in a body of the default `SecRequestBodyNoFilesLimit`: `x<a/>` are two in 5 bytes. 16 MiB of tree.
pub const XML_NODE_LIMIT: usize = 524_288;

/// Most attributes in one XML document, namespace declarations included. Same reasoning as [`XML_ELEMENT_LIMIT`].
pub const XML_ATTRIBUTE_LIMIT: usize = 262_144;

/// Most attributes of one element. No vocabulary in use defines a tenth of it; the check for duplicates stays cheap.
pub const XML_ATTRIBUTES_PER_ELEMENT_LIMIT: usize = 1024;

/// Longest tag in bytes, from `<` to `>`. A tag is held whole until its `>` arrives.
///
/// libxml2 refuses an attribute value over 10,000,000 bytes (`XML_MAX_TEXT_LENGTH`).
pub const XML_TAG_LIMIT: usize = 10_000_000;

/// Longest name of an element, attribute or processing instruction in bytes. libxml2's `XML_MAX_NAME_LENGTH`.
pub const XML_NAME_LIMIT: usize = 50_000;

/// Most bytes of text, names and attribute values kept from one XML document.
///
/// 128 MiB, the default of `SecRequestBodyLimit`; well inside the 32-bit offsets of the tree.
pub const XML_TEXT_LIMIT: usize = 134_217_728;

/// Longest `<?xml … ?>` declaration in characters. The longest that grammar and sense allow has about 80.
pub const XML_DECLARATION_LIMIT: usize = 1024;

/// Longest reference, in bytes between `&` and `;`. `#x10FFFF` has 8; leading zeroes are legal, so leave room for some.
pub const XML_REFERENCE_LIMIT: usize = 64;

/// Most bytes of the names of all arguments that are made of an XML document together.
///
/// Nested elements repeat the names above them in each. The same as [`JSON_NAMES_LIMIT`], for the same reason.
pub const XML_ARGUMENT_NAMES_LIMIT: usize = 1_048_576;

// ---------------------------------------------------------------------------------------------------------------------
// body: XPath
// ---------------------------------------------------------------------------------------------------------------------

/// Deepest nesting of an XPath expression: brackets, arguments and predicates inside each other.
///
/// Expressions are configuration; the evaluator recurses with them, and people lose their way at five.
pub const XPATH_NESTING_LIMIT: usize = 32;

/// Most steps of one evaluation of an XPath expression: a node looked at, or 64 bytes of its text.
///
/// A path without positions looks at each node of the largest document (786,432 of them with the attributes) once a
/// step, so that `//a//b/@c` stays well below; what is quadratic does not. Some 50 ms of work.
pub const XPATH_STEP_LIMIT: u64 = 5_000_000;

/// Most bytes of all values together that one XPath expression selects.
///
/// As much as the largest document has text ([`XML_TEXT_LIMIT`]), so `XML:/*` always fits. Nested elements repeat their
/// text: `XML://*` of 1 MiB at the deepest level is 256 MiB.
pub const XPATH_TEXT_LIMIT: usize = 134_217_728;

// ---------------------------------------------------------------------------------------------------------------------
// body: XML-RPC
// ---------------------------------------------------------------------------------------------------------------------

/// Most values (scalars, arrays, structs, at any depth) in one XML-RPC call.
///
/// WordPress refuses a message of more than 30,000 elements (`xmlrpc_element_limit`), and a value takes at least one.
pub const XMLRPC_VALUE_LIMIT: usize = 30_000;

// ---------------------------------------------------------------------------------------------------------------------
// body: JSON
// ---------------------------------------------------------------------------------------------------------------------

/// Deepest nesting of JSON containers below the outermost. `SecRequestBodyJsonDepthLimit`, mod_security2's default.
pub const JSON_DEPTH_LIMIT: usize = 10_000;

/// Longest name of an argument made from the keys on the way to a value, in bytes.
///
/// Nested arrays of the default depth have names of 60,005 bytes (`array.array…`); real names have some 50.
pub const JSON_NAME_LIMIT: usize = 65_536;

/// Most bytes of all arguments' names together.
///
/// Long keys around many values multiply: 34 KB of JSON can ask for megabytes of names. The default
/// `SecArgumentsLimit` with names of 1 KB each just fits.
pub const JSON_NAMES_LIMIT: usize = 1_048_576;

// ---------------------------------------------------------------------------------------------------------------------
// body: multipart
// ---------------------------------------------------------------------------------------------------------------------

/// Most files stored from one upload. `SecUploadFileLimit`, mod_security2's default.
pub const UPLOAD_FILE_LIMIT: usize = 100;

/// Longest header line of a part in bytes, line ending included.
///
/// What fits mod_security2's buffer (`MULTIPART_BUF_SIZE`, 4096, which must not be full). Browsers write less than 400.
pub const MULTIPART_LINE_LIMIT: usize = 4095;

/// Longest header of a part after unfolding, in bytes. mod_security2's `MULTIPART_BUF_SIZE`.
pub const MULTIPART_HEADER_LIMIT: usize = 4096;

/// Most headers of one part. Browsers write 2, mail-like clients 4.
pub const MULTIPART_HEADER_LINES_LIMIT: usize = 64;

/// Most parts of one body. PHP stops at 1,020 and Django at 1,100; each costs some 500 bytes here.
pub const MULTIPART_PARTS_LIMIT: usize = 10_000;

/// Longest boundary. RFC 2046, section 5.1.1.
pub const MULTIPART_BOUNDARY_LIMIT: usize = 70;

/// Longest `Content-Type` of a multipart body in bytes, as in mod_security2.
pub const MULTIPART_CONTENT_TYPE_LIMIT: usize = 1024;

/// Most bytes of input quoted in an error message: enough to recognise it, too little to flood a log.
pub const ERROR_EXCERPT_LIMIT: usize = 128;

// ---------------------------------------------------------------------------------------------------------------------
// transaction
// ---------------------------------------------------------------------------------------------------------------------

/// Longest request body in bytes. `SecRequestBodyLimit`, default of mod_security2 (128 MiB).
pub const REQUEST_BODY_LIMIT: u64 = 134_217_728;

/// Longest request body in bytes without the content of uploaded files. `SecRequestBodyNoFilesLimit`, default of
/// mod_security2 (1 MiB).
pub const REQUEST_BODY_NO_FILES_LIMIT: u64 = 1_048_576;

/// Bytes of a request body kept in memory before it goes to a file. `SecRequestBodyInMemoryLimit`, default of
/// mod_security2 (128 KiB).
pub const REQUEST_BODY_IN_MEMORY_LIMIT: u64 = 131_072;

/// Longest response body in bytes. `SecResponseBodyLimit`, default of mod_security2 (512 KiB).
pub const RESPONSE_BODY_LIMIT: u64 = 524_288;

/// The most that a body limit can be set to: mod_security2's hard limit of 1 GiB.
pub const BODY_LIMIT_MAXIMUM: u64 = 1_073_741_824;

/// Most entries of the server's error log remembered for one request. A request that makes the server log more than this
/// is a flood, and the error log itself has them all.
pub const SERVER_ERRORS_LIMIT: usize = 100;

/// Most parameters of an XML-RPC call shown as `XMLRPC:param.N`. The calls in use have at most seven.
pub const XMLRPC_PARAMS_SHOWN: usize = 32;

// ---------------------------------------------------------------------------------------------------------------------
// engine
// ---------------------------------------------------------------------------------------------------------------------

/// Longest text of an alert in the error log in bytes, before its `[hostname`. Tools expect mod_security2's limit there;
/// the audit log has the whole text.
pub const ERROR_LOG_ALERT_LIMIT: usize = 1023;

/// Longest `[data]` of an alert in bytes, after escaping. mod_security2's limit: what follows it must stay legible.
pub const LOGDATA_LIMIT: usize = 512;

/// Most alerts of one request in the logs, and most matches in its record. Ordinary requests have none, attacks some dozen; a
/// thousand arguments that each match five rules would write a hundred times what they are. What refuses is always logged.
pub const ALERTS_LIMIT: usize = 1_000;

/// `SecRequestTimeBudget`: how long the rules of one request may take in milliseconds. A thousand times what an ordinary
/// request takes, and far less than what would hold a worker for good.
pub const REQUEST_TIME_BUDGET: u64 = 5_000;

/// The greatest `SecRequestTimeBudget`, in milliseconds: an hour.
pub const REQUEST_TIME_BUDGET_MAX: u64 = 3_600_000;

/// Longest `pause` in milliseconds. A pause holds a worker; a minute is already a way to be put out of service.
pub const PAUSE_LIMIT: u64 = 60_000;

/// Longest wait for an answer to `@rbl` in milliseconds, all name servers together. Lists in use answer within 100 ms; who
/// waits holds a worker.
pub const DNS_TIMEOUT: u64 = 1_000;

// ---------------------------------------------------------------------------------------------------------------------
// verification of pings
// ---------------------------------------------------------------------------------------------------------------------

/// Longest verification of a ping in milliseconds, from the first question for an address to the last byte of the page.
/// `SecPingbackVerify timeout=`. WordPress waits three seconds for the answer to its ping, and so does a worker here.
pub const PINGBACK_VERIFY_TIMEOUT: u64 = 3_000;

/// The most that `timeout=` can be set to.
pub const PINGBACK_VERIFY_TIMEOUT_MAXIMUM: u64 = 10_000;

/// Most bytes of a source as they come over the wire, compressed as a rule. `SecPingbackVerify bytes=`. It is what a ping of
/// 300 bytes can make this server fetch from somebody.
pub const PINGBACK_VERIFY_BYTES: usize = 65_536;

/// The most that `bytes=` can be set to.
pub const PINGBACK_VERIFY_BYTES_MAXIMUM: u64 = 1_048_576;

/// How much larger than on the wire a page may be in memory: text packs four to one, bombs a thousand to one.
pub const PINGBACK_VERIFY_EXPANSION: usize = 6;

/// Most redirections that are followed from a source: to https, and to the name with or without `www`.
pub const PINGBACK_VERIFY_REDIRECTS: usize = 2;

/// Longest header of a source's answer in bytes. Those of common servers have one thousand.
pub const PINGBACK_VERIFY_HEADER: usize = 16_384;

/// Most verifications at the same time in all processes. `SecPingbackVerify at-once=`. Each holds a worker, for three seconds
/// where the source is slow; four leave a server with few workers the most of them.
pub const PINGBACK_VERIFY_AT_ONCE: usize = 4;

/// The most that `at-once=` can be set to.
pub const PINGBACK_VERIFY_AT_ONCE_MAXIMUM: usize = 64;

/// Most pages fetched in a minute in all processes. `SecPingbackVerify per-minute=`. Busy weblogs get some pings an hour.
pub const PINGBACK_VERIFY_PER_MINUTE: u32 = 120;

/// Most pages of one host fetched in a minute. `SecPingbackVerify per-host=`. One page that links to a dozen posts is fetched once
/// for each.
pub const PINGBACK_VERIFY_PER_HOST: u32 = 12;

/// The most that `per-minute=` and `per-host=` can be set to.
pub const PINGBACK_VERIFY_RATE_MAXIMUM: u32 = 100_000;

/// Longest time in milliseconds from a ping to the answer of the gateway. WordPress waits three seconds.
pub const PINGBACK_GATEWAY_TIMEOUT: u64 = 2_800;

/// Most deliveries at the same time in all processes. Each holds a worker here and, as a rule, one more of the same server that takes
/// the webmention; were all workers waiting, there would be none to take it.
pub const PINGBACK_DELIVER_AT_ONCE: usize = 16;

/// Longest time in seconds for which the result of a verification is remembered. Spam comes back every few minutes.
pub const PINGBACK_RESULT_SECONDS: u64 = 600;

// ---------------------------------------------------------------------------------------------------------------------
// configuration
// ---------------------------------------------------------------------------------------------------------------------

/// Deepest nesting of `Include` when files are read without httpd. httpd's own limit is 128 (`AP_MAX_INCLUDE_DEPTH`).
pub const INCLUDE_DEPTH_LIMIT: usize = 128;

// ---------------------------------------------------------------------------------------------------------------------
// collections
// ---------------------------------------------------------------------------------------------------------------------

/// Seconds until a persistent collection that nobody updates is forgotten. `SecCollectionTimeout`, default of
/// mod_security2.
pub const COLLECTION_TIMEOUT: i64 = 3600;

/// The most that `SecCollectionTimeout` can be set to: mod_security2's 30 days.
pub const COLLECTION_TIMEOUT_MAXIMUM: i64 = 2_592_000;

/// Longest key of a persistent collection in bytes; a longer one is cut. Clients choose keys, and must not choose memory.
pub const COLLECTION_KEY_LIMIT: usize = 256;

/// Most records kept in memory by one process. An address takes some 300 bytes, so this is about 3 MiB.
pub const COLLECTION_RECORDS_LIMIT: usize = 10_000;

/// Most bytes of one record's names and values. mod_security2's records have room for some 1,000 bytes; three of these fit
/// a page of the store on every machine.
pub const COLLECTION_RECORD_LIMIT: usize = 3072;

/// Bytes of the file that collections are kept in. `SecCollectionStore file:… size=`. Some 250,000 addresses with a
/// counter each; the file has holes where nothing was stored yet.
pub const COLLECTION_STORE_BYTES: u64 = 67_108_864;

/// The most that `size=` can be set to: 64 GiB.
pub const COLLECTION_STORE_MAXIMUM: u64 = 68_719_476_736;

/// Longest wait for the lock of that file in milliseconds. It is held for microseconds; only a process that was stopped
/// in the middle holds it longer, and requests must not wait for that one.
pub const COLLECTION_LOCK_WAIT: u64 = 1_000;

/// Longest wait of a request for an answer from Redis in milliseconds. `SecCollectionStore redis:… timeout=`. One on the
/// same network answers in less than one.
pub const REDIS_TIMEOUT: u64 = 100;

/// The most that `timeout=` can be set to.
pub const REDIS_TIMEOUT_MAXIMUM: u64 = 10_000;

/// Most connections to Redis of one process. `SecCollectionStore redis:… connections=`. An answer takes a tenth of a
/// millisecond, so eight serve more requests than a process has.
pub const REDIS_CONNECTIONS: usize = 8;

/// The most that `connections=` can be set to: more than the threads that a process has as a rule.
pub const REDIS_CONNECTIONS_MAXIMUM: usize = 64;

// ---------------------------------------------------------------------------------------------------------------------
// bans
// ---------------------------------------------------------------------------------------------------------------------

/// Seconds that a process remembers what the collections said of a client. So long a ban that another machine has made, or that
/// somebody has lifted, can go unnoticed; those of this machine are known at once.
pub const BAN_MEMORY: i64 = 3;

/// Clients that a process remembers. Those that ask in one [`BAN_MEMORY`] are fewer; a slot takes some 100 bytes.
pub const BAN_CLIENTS_REMEMBERED: usize = 4096;

/// Seconds between two lines in the error log about one client that is cut off, from all processes together. The first one
/// is what filters need; the rest would only fill the disk.
pub const BAN_LINE_INTERVAL: u64 = 60;

/// Most bytes of `SecBanFile` that are read: room for the most entries with a comment each.
pub const BAN_FILE_BYTES: u64 = 4_194_304;

/// Most entries of `SecBanFile`. More than lists in use have; each takes some 50 bytes in every process.
pub const BAN_FILE_ENTRIES: usize = 65_536;

/// Most lines of `SecBanFile` that are complained about one by one when it is read.
pub const BAN_FILE_COMPLAINTS: usize = 10;

// ---------------------------------------------------------------------------------------------------------------------
// scripts
// ---------------------------------------------------------------------------------------------------------------------

/// Most instructions of Lua's machine in one run of a script: about half a second. A script that looks at every byte of a
/// body of 1 MiB takes some ten million.
pub const SCRIPT_INSTRUCTION_LIMIT: u64 = 50_000_000;

/// Most memory of one run of a script in bytes: a body of the default `SecRequestBodyNoFilesLimit` (1 MiB) with room for
/// thirty copies.
pub const SCRIPT_MEMORY_LIMIT: usize = 33_554_432;

/// Most calls of `m.getvar` and its kin in one run of a script. Each can cost as much as a rule; what scripts do for every
/// argument fits ten times.
pub const SCRIPT_CALLS_LIMIT: u32 = 10_000;

/// Longest text that a script can log or return in bytes. An alert has some hundred.
pub const SCRIPT_TEXT_LIMIT: usize = 4096;

/// Longest run of a program in milliseconds: httpd's default `Timeout`, mod_security2's bound. It holds a worker.
pub const PROGRAM_TIME_LIMIT: u64 = 60_000;

/// Longest first line of a program's output in bytes: mod_security2's buffer.
pub const PROGRAM_LINE_LIMIT: usize = 255;

// ---------------------------------------------------------------------------------------------------------------------
// metrics
// ---------------------------------------------------------------------------------------------------------------------

/// Rules that are counted by their ids; further ones are counted together. The Core Rule Set has some 700, and a table that
/// is a quarter full finds a rule at once.
pub const METRICS_RULES: usize = 4096;

/// Applications whose logins are counted by their names; further ones are counted together. A server has a handful.
pub const METRICS_APPLICATIONS: usize = 64;

/// Clients of one day that are counted by their addresses, for the ranking of the most frequent. Among these a client with
/// one request in a hundred is never missed, whoever else comes.
pub const METRICS_CLIENTS: usize = 512;
