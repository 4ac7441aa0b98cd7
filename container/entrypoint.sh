#!/bin/sh
# Turns the environment into configuration and starts what it is told.
#
# The names are those of the Core Rule Set's images. A value that makes no sense is refused, and so is one that could end its line or its
# quotes. A variable of theirs that has no effect here is told, and so is a MODSEC_ variable that nobody knows.
set -eu

run=/run/palisade
out=$run/environment.conf
known=$run/known

fail() { echo "palisade: $*" >&2; exit 1; }

# Each prints what a variable says, or its default. A value goes into a shell variable of its own before it is used, so that a mistake
# ends the script.
text() { # NAME DEFAULT
  eval "found=\${$1:-}"
  found=${found:-$2}
  echo "$1" >>"$known"
  case $found in
    *[\"\\\`]* | *'
'*) fail "the value of $1 has a quote, a backslash or a line end: refused" ;;
  esac
  printf '%s' "$found"
}
value() { # NAME DEFAULT
  found=$(text "$1" "$2")
  case $found in *\'*) fail "the value of $1 has a quote: refused" ;; esac
  printf '%s' "$found"
}
number() { # NAME DEFAULT
  chosen=$(value "$1" "$2")
  case $chosen in '' | *[!0-9]*) fail "$1 is $chosen, and must be a number" ;; esac
  printf '%s' "$chosen"
}
one_of() { # NAME DEFAULT CHOICE…
  name=$1 chosen=$(value "$1" "$2")
  shift 2
  for choice; do
    case $(printf '%s' "$chosen" | tr '[:upper:]' '[:lower:]') in
      "$(printf '%s' "$choice" | tr '[:upper:]' '[:lower:]')") printf '%s' "$choice"; return ;;
    esac
  done
  fail "$name is $chosen, and must be one of: $*"
}
switch() { one_of "$1" "$2" On Off; }
# Between spaces, for a variable of the rule set: a comma would be part of a word.
words() { # NAME DEFAULT
  chosen=$(value "$1" "$2")
  case $chosen in *,*) fail "$1 has a comma, and must be words between spaces" ;; esac
  printf '%s' "$chosen"
}
# A pipe of the container's cannot always be opened anew by an unprivileged user; 8 and 9 are open already.
log() { # NAME DEFAULT
  place=$(value "$1" "$2")
  # shellcheck disable=SC2016  # for httpd: what follows is a command of the shell's
  case $place in
    /dev/stdout | /proc/self/fd/1 | on) printf '|$exec /bin/cat >&8' ;;
    /dev/stderr | /proc/self/fd/2) printf '|$exec /bin/cat >&9' ;;
    *) printf '%s' "$place" ;;
  esac
}
is_set() { echo "$1" >>"$known"; eval "[ -n \"\${$1:-}\" ]"; }

# A value that palisade.conf takes up.
define() { # NAME DEFAULT KIND [CHOICE…]
  name=$1 default=$2 kind=$3
  shift 3
  given=$("$kind" "$name" "$default" "$@")
  echo "Define $name \"$given\""
}
# A directive that a variable is for; without a default, only where it is set.
directive() { # DIRECTIVE NAME DEFAULT KIND [CHOICE…]
  directive=$1 name=$2 default=$3 kind=$4
  shift 4
  is_set "$name" || [ -n "$default" ] || return 0
  given=$("$kind" "$name" "$default" "$@")
  echo "$directive \"$given\""
}
# The same for one whose value is several words.
list() { # DIRECTIVE NAME
  is_set "$2" || return 0
  given=$(value "$2" '')
  echo "$1 $given"
}
# A setting of the rule set, where it is set: behind its own crs-setup.conf, so that the environment has the last word.
setting() { # ID TX NAME KIND [CHOICE…]
  id=$1 variable=$2 name=$3 kind=$4
  shift 4
  is_set "$name" || return 0
  given=$("$kind" "$name" '' "$@")
  echo "SecAction \"id:$id,phase:1,pass,t:none,nolog,setvar:'tx.$variable=$given'\""
}

server() {
  backend=$(value BACKEND http://localhost:80)
  echo "Define BACKEND \"${backend%/}\""
  case $backend in
    https:*)
      echo 'Define BACKEND_TLS'
      define PROXY_SSL_VERIFY none one_of none optional require
      define PROXY_SSL_CHECK_PEER_NAME Off switch
      define PROXY_SSL_CA_CERT /etc/ssl/certs/ca-certificates.crt value ;;
  esac
  define PORT 8080 number
  define SERVER_NAME localhost value
  define SERVER_ADMIN root@localhost value
  define SERVER_TOKENS Prod one_of Full OS Minimal Minor Major Prod ProductOnly
  define SERVER_SIGNATURE Off one_of On Off EMail
  define TIMEOUT 60 number
  define KEEPALIVE_TIMEOUT 60 number
  define PROXY_TIMEOUT 60 number
  define PROXY_PRESERVE_HOST On switch
  define PROXY_ERROR_OVERRIDE Off switch
  define REAL_IP_HEADER X-Forwarded-For value
  define LOGLEVEL warn value
  define ERRORLOG /dev/stderr log
  [ "$(value ACCESSLOG /dev/stdout)" = off ] || {
    echo 'Define ACCESS_LOG'
    define ACCESSLOG /dev/stdout log
  }
  # Without a certificate there is no port for TLS.
  ! is_set SSL_CERT || {
    echo 'Define TLS'
    define SSL_PORT 8443 number
    define SSL_CERT '' value
    define SSL_CERT_KEY "$SSL_CERT" value
    define SSL_PROTOCOLS 'all -SSLv3 -TLSv1 -TLSv1.1' value
    define SSL_CIPHERS HIGH:!aNULL:!MD5 value
    define H2_PROTOCOLS 'h2 http/1.1' value
  }
  proxies=$(value REMOTEIP_INT_PROXY '10.0.0.0/8 172.16.0.0/12 192.168.0.0/16')
  proxies=$(value TRUSTED_PROXY "$proxies")
  echo "RemoteIPInternalProxy $proxies"
  echo "SecTrustedProxy $proxies"
}

engine() {
  echo 'Include /etc/palisade/recommended.conf'
  pingback=$(one_of PINGBACK On On Off DetectionOnly)
  [ "$pingback" = Off ] || {
    echo 'Include /etc/palisade/rules/pingback.conf'
    echo "SecPingbackEngine $pingback"
  }
  directive SecRuleEngine MODSEC_RULE_ENGINE On one_of On Off DetectionOnly
  directive SecRequestBodyAccess MODSEC_REQ_BODY_ACCESS On switch
  directive SecRequestBodyLimit MODSEC_REQ_BODY_LIMIT 13107200 number
  directive SecRequestBodyNoFilesLimit MODSEC_REQ_BODY_NOFILES_LIMIT 131072 number
  directive SecRequestBodyLimitAction MODSEC_REQ_BODY_LIMIT_ACTION Reject one_of Reject ProcessPartial
  directive SecRequestBodyJsonDepthLimit MODSEC_REQ_BODY_JSON_DEPTH_LIMIT '' number
  directive SecArgumentsLimit MODSEC_ARGUMENTS_LIMIT '' number
  directive SecArgumentSeparator MODSEC_ARGUMENT_SEPARATOR '' value
  directive SecCookieFormat MODSEC_COOKIE_FORMAT '' number
  directive SecResponseBodyAccess MODSEC_RESP_BODY_ACCESS On switch
  directive SecResponseBodyLimit MODSEC_RESP_BODY_LIMIT 1048576 number
  directive SecResponseBodyLimitAction MODSEC_RESP_BODY_LIMIT_ACTION ProcessPartial one_of Reject ProcessPartial
  ! is_set MODSEC_RESP_BODY_MIMETYPE || echo SecResponseBodyMimeTypesClear
  list SecResponseBodyMimeType MODSEC_RESP_BODY_MIMETYPE
  directive SecDisableBackendCompression MODSEC_DISABLE_BACKEND_COMPRESSION '' switch
  directive SecPcreMatchLimit MODSEC_PCRE_MATCH_LIMIT '' number
  directive SecPcreMatchLimitRecursion MODSEC_PCRE_MATCH_LIMIT_RECURSION '' number
  directive SecAuditEngine MODSEC_AUDIT_ENGINE RelevantOnly one_of On Off RelevantOnly
  directive SecAuditLogFormat MODSEC_AUDIT_LOG_FORMAT JSON one_of JSON Native ECS
  directive SecAuditLogParts MODSEC_AUDIT_LOG_PARTS ABIJDEFHZ value
  directive SecAuditLogRelevantStatus MODSEC_AUDIT_LOG_RELEVANT_STATUS '' value
  kind=$(one_of MODSEC_AUDIT_LOG_TYPE Serial Serial Concurrent)
  echo "SecAuditLogType $kind"
  storage=$(value MODSEC_AUDIT_STORAGE_DIR "$(value MODSEC_AUDIT_STORAGE /var/log/apache2/audit)")
  [ "$kind" = Serial ] || {
    mkdir -p "$storage"
    echo "SecAuditLogStorageDir \"$storage\""
  }
  directive SecAuditLog MODSEC_AUDIT_LOG /dev/stdout log
  directive SecDebugLog MODSEC_DEBUG_LOG '' log
  directive SecDebugLogLevel MODSEC_DEBUG_LOGLEVEL '' number
  directive SecDataDir MODSEC_DATA_DIR /var/cache/palisade value
  directive SecTmpDir MODSEC_TMP_DIR '' value
  directive SecUploadDir MODSEC_UPLOAD_DIR '' value
  directive SecUploadFileMode MODSEC_UPLOAD_FILE_MODE '' value
  directive SecUploadKeepFiles MODSEC_UPLOAD_KEEP_FILES '' one_of On Off RelevantOnly
  list SecUnicodeMapFile MODSEC_UNICODE_MAPPING
  directive SecCollectionStore COLLECTION_STORE '' value
}

rules() {
  crs=$(value CRS_DIR '')
  define MODSEC_TAG modsecurity value
  # Before crs-setup.conf, which may know better; behind it if it was asked for.
  default_actions
  if [ -n "$crs" ]; then
    echo "IncludeOptional $crs/crs-setup.conf"
    echo "IncludeOptional $crs/plugins/*-config.conf"
  else
    echo 'IncludeOptional /etc/modsecurity/crs/crs-setup.conf'
  fi
  ! { is_set MODSEC_TAG || is_set MODSEC_DEFAULT_PHASE1_ACTION || is_set MODSEC_DEFAULT_PHASE2_ACTION; } || default_actions
  # Release 4 has other names for the levels than release 3: both are set.
  level=BLOCKING_PARANOIA
  is_set BLOCKING_PARANOIA || level=PARANOIA
  setting 8505900 blocking_paranoia_level "$level" number
  setting 8505901 paranoia_level "$level" number
  level=DETECTION_PARANOIA
  is_set DETECTION_PARANOIA || level=EXECUTING_PARANOIA
  setting 8505902 detection_paranoia_level "$level" number
  setting 8505903 executing_paranoia_level "$level" number
  setting 8505910 enforce_bodyproc_urlencoded ENFORCE_BODYPROC_URLENCODED number
  setting 8505911 inbound_anomaly_score_threshold ANOMALY_INBOUND number
  setting 8505912 outbound_anomaly_score_threshold ANOMALY_OUTBOUND number
  setting 8505913 reporting_level REPORTING_LEVEL number
  setting 8505914 early_blocking EARLY_BLOCKING number
  setting 8505915 blocking_early BLOCKING_EARLY number
  setting 8505920 allowed_methods ALLOWED_METHODS words
  setting 8505921 allowed_request_content_type ALLOWED_REQUEST_CONTENT_TYPE words
  setting 8505922 allowed_request_content_type_charset ALLOWED_REQUEST_CONTENT_TYPE_CHARSET words
  setting 8505923 allowed_http_versions ALLOWED_HTTP_VERSIONS words
  setting 8505924 restricted_extensions RESTRICTED_EXTENSIONS words
  setting 8505925 restricted_headers RESTRICTED_HEADERS words
  setting 8505926 restricted_headers_basic RESTRICTED_HEADERS_BASIC words
  setting 8505927 restricted_headers_extended RESTRICTED_HEADERS_EXTENDED words
  setting 8505930 max_num_args MAX_NUM_ARGS number
  setting 8505931 arg_name_length ARG_NAME_LENGTH number
  setting 8505932 arg_length ARG_LENGTH number
  setting 8505933 total_arg_length TOTAL_ARG_LENGTH number
  setting 8505934 max_file_size MAX_FILE_SIZE number
  setting 8505935 combined_file_sizes COMBINED_FILE_SIZES number
  setting 8505940 crs_validate_utf8_encoding VALIDATE_UTF8_ENCODING number
  # By this the rule set's own regression tests find their requests in the log.
  ! is_set CRS_ENABLE_TEST_MARKER || [ "$(number CRS_ENABLE_TEST_MARKER 0)" -eq 0 ] ||
    echo 'SecRule REQUEST_HEADERS:X-CRS-Test "@rx ^.*$" "id:999999,phase:1,pass,t:none,log,msg:'"'X-CRS-Test %{MATCHED_VAR}'"',ctl:ruleRemoveById=1-999999"'
  if [ -n "$crs" ]; then
    echo "IncludeOptional $crs/plugins/*-before.conf"
    echo "Include $crs/rules/*.conf"
    echo "IncludeOptional $crs/plugins/*-after.conf"
  else
    echo 'IncludeOptional /etc/modsecurity/crs/REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf'
    echo 'IncludeOptional /usr/share/modsecurity-crs/rules/*.conf'
    echo 'IncludeOptional /etc/modsecurity/crs/RESPONSE-999-EXCLUSION-RULES-AFTER-CRS.conf'
  fi
  # Rules and exceptions of one's own, mounted.
  echo 'IncludeOptional /etc/palisade/local/*.conf'
}
default_actions() { # which have single quotes by right
  # shellcheck disable=SC2016  # httpd's own
  for phase in 1 2; do
    given=$(text "MODSEC_DEFAULT_PHASE${phase}_ACTION" "phase:$phase,log,auditlog,pass,tag:'\${MODSEC_TAG}'")
    echo "SecDefaultAction \"$given\""
  done
}

# Variables of the Core Rule Set's images that are for what is not in here.
elsewhere='ALLOW_OVERRIDE APACHE_ALWAYS_TLS_REDIRECT APACHE_ERRORLOG_FORMAT APACHE_LOGFORMAT APACHE_METRICS_LOGFORMAT BACKEND_WS
  CRS_DISABLE_PLUGINS MANUAL_MODE METRICSLOG METRICS_ALLOW_FROM METRICS_DENY_FROM MUTEX PERFLOG PROXY_SSL PROXY_SSL_CERT PROXY_SSL_CERT_KEY
  PROXY_SSL_CIPHERS PROXY_SSL_PROTOCOLS REQ_HEADER_FORWARDED_PROTO SSL_ENGINE SSL_HONOR_CIPHER_ORDER SSL_OCSP_STAPLING
  SSL_SESSION_TICKETS WORKER_CONNECTIONS'

# Directories that are not there on a file system made anew at each start.
mkdir -p "$run" /run/apache2/socks
: >"$known"
{
  server
  engine
  rules
} >"$out"
for name in $(env | sed -n 's/^\([A-Z][A-Z0-9_]*\)=.*/\1/p' | sort); do
  ! grep -qxF "$name" "$known" || continue
  case $name in
    MODSEC_* | CORS_*) told=yes ;;
    *) case " $(echo "$elsewhere" | tr -s '\n ' ' ') " in *" $name "*) told=yes ;; *) told='' ;; esac ;;
  esac
  [ -z "$told" ] || echo "palisade: $name has no effect here: docs/container.md lists what has" >&2
done
rm -f "$known"

exec 8>&1 9>&2
exec "$@"
