/* What the bindings are generated from. Only build.rs reads this. */
#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_main.h>
#include <http_protocol.h>
#include <http_request.h>
#include <unixd.h>
#include <util_filter.h>
#include <ap_mmn.h>
#include <apr_buckets.h>
#include <apr_hooks.h>
#include <apr_pools.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <apr_user.h>
