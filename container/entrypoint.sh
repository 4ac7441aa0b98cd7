#!/bin/sh
# Turns the environment into configuration, checks it, and starts what it is told.
#
# The names are those of the Core Rule Set's images, with their defaults. A value that could end its line or its quotes is refused.
set -eu

out=/run/palisade/environment.conf

value() { # NAME DEFAULT
  eval "found=\${$1:-}"
  found=${found:-$2}
  case $found in
    *[\"\'\\\`]* | *'
'*) echo "palisade: the value of $1 has a quote, a backslash or a line end: refused" >&2; exit 1 ;;
  esac
  printf '%s' "$found"
}
one_of() { # NAME DEFAULT CHOICE…
  name=$1 chosen=$(value "$1" "$2")
  shift 2
  for choice; do
    if [ "$(printf '%s' "$chosen" | tr '[:upper:]' '[:lower:]')" = "$(printf '%s' "$choice" | tr '[:upper:]' '[:lower:]')" ]; then
      printf '%s' "$choice"
      return
    fi
  done
  echo "palisade: $name is $chosen, and must be one of: $*" >&2
  exit 1
}
number() { # NAME DEFAULT
  chosen=$(value "$1" "$2")
  case $chosen in
    '' | *[!0-9]*) echo "palisade: $1 is $chosen, and must be a number" >&2; exit 1 ;;
  esac
  printf '%s' "$chosen"
}

# Each on a line of its own: a mistake in one ends the script.
backend=$(value BACKEND http://localhost:80)
port=$(number PORT 8080)
server_name=$(value SERVER_NAME localhost)
timeout=$(number TIMEOUT 60)
log_level=$(value LOGLEVEL warn)
preserve=$(one_of PROXY_PRESERVE_HOST On On Off)
real_ip_header=$(value REAL_IP_HEADER X-Forwarded-For)
proxies=$(value TRUSTED_PROXY "$(value REMOTEIP_INT_PROXY '10.0.0.0/8 172.16.0.0/12 192.168.0.0/16')")
engine=$(one_of MODSEC_RULE_ENGINE On On Off DetectionOnly)
request_body=$(one_of MODSEC_REQ_BODY_ACCESS On On Off)
request_limit=$(number MODSEC_REQ_BODY_LIMIT 13107200)
request_no_files=$(number MODSEC_REQ_BODY_NOFILES_LIMIT 131072)
request_action=$(one_of MODSEC_REQ_BODY_LIMIT_ACTION Reject Reject ProcessPartial)
response_body=$(one_of MODSEC_RESP_BODY_ACCESS On On Off)
response_limit=$(number MODSEC_RESP_BODY_LIMIT 1048576)
response_action=$(one_of MODSEC_RESP_BODY_LIMIT_ACTION ProcessPartial Reject ProcessPartial)
audit=$(one_of MODSEC_AUDIT_ENGINE RelevantOnly On Off RelevantOnly)
audit_format=$(one_of MODSEC_AUDIT_LOG_FORMAT JSON JSON Native ECS)
audit_parts=$(value MODSEC_AUDIT_LOG_PARTS ABIJDEFHZ)
audit_log=$(value MODSEC_AUDIT_LOG /dev/stdout)
tag=$(value MODSEC_TAG modsecurity)
store=$(value COLLECTION_STORE '')
paranoia=$(number BLOCKING_PARANOIA "$(number PARANOIA 1)")
detection=$(number DETECTION_PARANOIA "$paranoia")
inbound=$(number ANOMALY_INBOUND 5)
outbound=$(number ANOMALY_OUTBOUND 4)
methods=$(value ALLOWED_METHODS '')
crs=$(value CRS_DIR '')
pingbacks=$(one_of PINGBACK On On Off DetectionOnly)

# A pipe of the engine's is not always to be opened anew by an unprivileged user; cat has it open already.
case $audit_log in /dev/stdout | /dev/stderr) audit_log='|/bin/cat' ;; esac

{
  echo "Define BACKEND \"$backend\""
  echo "Define PORT $port"
  echo "Define SERVER_NAME \"$server_name\""
  echo "Define TIMEOUT $timeout"
  echo "Define LOGLEVEL \"$log_level\""
  echo "Define PROXY_PRESERVE_HOST $preserve"
  echo "Define REAL_IP_HEADER \"$real_ip_header\""
  [ "$(value ACCESSLOG on)" = off ] || echo 'Define ACCESS_LOG'
  echo "Listen $port"
  echo "RemoteIPInternalProxy $proxies"
  echo "SecTrustedProxy $proxies"
  if [ "$pingbacks" = Off ]; then
    echo 'Include /etc/palisade/recommended.conf'
  else
    echo 'Include /etc/palisade/recommended.conf'
    echo 'Include /etc/palisade/rules/pingback.conf'
    echo "SecPingbackEngine $pingbacks"
  fi
  echo "SecRuleEngine $engine"
  echo "SecRequestBodyAccess $request_body"
  echo "SecRequestBodyLimit $request_limit"
  echo "SecRequestBodyNoFilesLimit $request_no_files"
  echo "SecRequestBodyLimitAction $request_action"
  echo "SecResponseBodyAccess $response_body"
  echo "SecResponseBodyLimit $response_limit"
  echo "SecResponseBodyLimitAction $response_action"
  echo "SecAuditEngine $audit"
  echo "SecAuditLogFormat $audit_format"
  echo "SecAuditLogParts $audit_parts"
  echo "SecAuditLog \"$audit_log\""
  echo 'SecDataDir /var/cache/palisade'
  [ -z "$store" ] || echo "SecCollectionStore $store"
  echo "SecDefaultAction \"phase:1,log,auditlog,pass,tag:'$tag'\""
  echo "SecDefaultAction \"phase:2,log,auditlog,pass,tag:'$tag'\""
  echo "SecAction \"id:900000,phase:1,pass,t:none,nolog,setvar:tx.blocking_paranoia_level=$paranoia,setvar:tx.paranoia_level=$paranoia\""
  echo "SecAction \"id:900001,phase:1,pass,t:none,nolog,setvar:tx.detection_paranoia_level=$detection,setvar:tx.executing_paranoia_level=$detection\""
  echo "SecAction \"id:900110,phase:1,pass,t:none,nolog,setvar:tx.inbound_anomaly_score_threshold=$inbound,setvar:tx.outbound_anomaly_score_threshold=$outbound\""
  [ -z "$methods" ] || echo "SecAction \"id:900200,phase:1,pass,t:none,nolog,setvar:'tx.allowed_methods=$methods'\""
  if [ -n "$crs" ]; then
    echo "IncludeOptional $crs/crs-setup.conf"
    echo "IncludeOptional $crs/plugins/*-config.conf"
    echo "IncludeOptional $crs/plugins/*-before.conf"
    echo "Include $crs/rules/*.conf"
    echo "IncludeOptional $crs/plugins/*-after.conf"
  else
    echo 'IncludeOptional /etc/modsecurity/crs/crs-setup.conf'
    echo 'IncludeOptional /etc/modsecurity/crs/REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf'
    echo 'IncludeOptional /usr/share/modsecurity-crs/rules/*.conf'
    echo 'IncludeOptional /etc/modsecurity/crs/RESPONSE-999-EXCLUSION-RULES-AFTER-CRS.conf'
  fi
  # Rules and exceptions of one's own, mounted.
  echo 'IncludeOptional /etc/palisade/local/*.conf'
} >"$out"

# What this script does not read.
for name in $(env | sed -n 's/^\(MODSEC_[A-Z0-9_]*\)=.*/\1/p'); do
  grep -qw "$name" "$0" || echo "palisade: $name is not known here and has no effect" >&2
done

exec "$@"
