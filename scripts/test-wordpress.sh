#!/usr/bin/env bash
# Two real WordPress sites behind Palisade, in namespaces of their own: one pings the other and is accepted; spam never
# reaches PHP, and who goes on is cut off; the login form and XML-RPC work. With the shipped rules, and then with the Core
# Rule Set besides.
#
# Needs root (network and mount namespaces) and the packages of `scripts/deps.sh php wordpress`. What is missing is said
# loudly; with PALISADE_REQUIRE_WORDPRESS=1 that is a failure. PALISADE_MODULE: another module than `make build` left.
set -euo pipefail
cd "$(dirname "$0")/.."
project=$PWD
module=${PALISADE_MODULE:-$project/target/release/mod_palisade.so}
PATH=$PATH:/usr/sbin:/sbin

skip() { # SENTENCE
  echo "SKIPPED: WordPress test — $1" >&2
  [ "${PALISADE_REQUIRE_WORDPRESS:-}" != 1 ] || exit 1
  exit 0
}

[ "$(id -u)" -eq 0 ] || skip 'root is needed for namespaces'
unshare -nm true 2>/dev/null || skip 'this machine allows no namespaces'
[ -e "$module" ] || { echo "there is no $module: make build" >&2; exit 1; }
fpm=$(compgen -c php-fpm | head -n 1) || skip 'php-fpm is not installed: scripts/deps.sh php wordpress'
for tool in apache2 mariadbd mariadb-install-db mariadb php curl runuser; do
  command -v "$tool" >/dev/null || skip "$tool is not installed: scripts/deps.sh php wordpress"
done
[ -d /usr/share/wordpress ] || skip 'wordpress is not installed: scripts/deps.sh php wordpress'
modules=/usr/lib/apache2/modules

root=$(mktemp -d -t palisade-wordpress.XXXXXX)
space='' httpd=''
stop() { # PID…
  local pid
  for pid; do kill "$pid" 2>/dev/null || true; done
  for pid; do
    for _ in {1..100}; do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  done
}
clean_up() {
  local name pids=()
  for name in httpd fpm database; do [ ! -s "$root/run/$name.pid" ] || pids+=("$(<"$root/run/$name.pid")"); done
  stop "${pids[@]}"
  [ -z "$space" ] || stop "$space"
  rm -rf "$root"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

chmod 755 "$root"
mkdir "$root"/{run,logs,database,tmp,data}
www=$root/www

# -- A network of its own: two sites, and two visitors -----------------------------------------------------------------

printf '%s\n' '127.0.0.1 localhost' '192.0.2.10 a.example' '192.0.2.20 b.example' >"$root/hosts"
unshare -nm sleep infinity </dev/null >/dev/null 2>&1 &
space=$!
until [ "$(readlink "/proc/$space/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
inside() { nsenter -t "$space" -n -m --wd=/ "$@"; }
until inside mount --make-rprivate / 2>/dev/null; do sleep 0.02; done
inside mount --bind "$root/hosts" /etc/hosts
inside ip link set lo up
for host in 10 20 77 78; do inside ip address add "192.0.2.$host/32" dev lo; done

# -- Database, PHP, WordPress ------------------------------------------------------------------------------------------

mariadb-install-db --no-defaults --datadir="$root/database" --user=root --skip-test-db \
  --auth-root-authentication-method=normal >"$root/logs/install" 2>&1
inside setsid mariadbd --no-defaults --datadir="$root/database" --socket="$root/run/database.sock" \
  --pid-file="$root/run/database.pid" --user=root --skip-networking --innodb-flush-log-at-trx-commit=0 \
  --log-error="$root/logs/database" </dev/null >/dev/null 2>&1 &
sql() { mariadb --no-defaults -uroot -S "$root/run/database.sock" -N -e "$1"; }
for _ in {1..200}; do sql 'select 1' >/dev/null 2>&1 && break; sleep 0.1; done
sql "create database wp character set utf8mb4; create user wp@localhost identified by 'wp'; grant all on wp.* to wp@localhost"

cp -rL /usr/share/wordpress "$www"
rm -f "$www/.htaccess"
mkdir -p "$www"/wp-content/{uploads,mu-plugins}
cat >"$www/wp-config.php" <<PHP
<?php
\$host = strtolower(preg_replace('/:.*/', '', \$_SERVER['HTTP_HOST'] ?? 'a.example'));
\$table_prefix = \$host === 'b.example' ? 'b_' : 'a_';
define('DB_NAME', 'wp'); define('DB_USER', 'wp'); define('DB_PASSWORD', 'wp');
define('DB_HOST', 'localhost:$root/run/database.sock'); define('DB_CHARSET', 'utf8mb4');
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as \$key) {
    define("{\$key}_KEY", md5("key \$key \$host"));
    define("{\$key}_SALT", md5("salt \$key \$host"));
}
define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('WP_ACCESSIBLE_HOSTS', 'a.example,b.example');
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
PHP
# Each site speaks from its own address; and comments may follow each other quickly.
cat >"$www/wp-content/mu-plugins/test.php" <<'PHP'
<?php
add_action('http_api_curl', fn($curl) => curl_setopt($curl, CURLOPT_INTERFACE, gethostbyname(parse_url(home_url(), PHP_URL_HOST))));
add_filter('comment_flood_filter', '__return_false', 99);
PHP
cat >"$root/install.php" <<'PHP'
<?php
[, $www, $host] = $argv;
foreach (['HTTP_HOST' => $host, 'SERVER_NAME' => $host, 'REQUEST_URI' => '/', 'REQUEST_METHOD' => 'GET', 'SERVER_PROTOCOL' => 'HTTP/1.1'] as $name => $value) $_SERVER[$name] = $value;
define('WP_INSTALLING', true);
define('WP_SITEURL', "http://$host");
function wp_new_blog_notification() {}
require "$www/wp-load.php";
require ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install("Site $host", 'admin', "admin@$host", true, '', wp_slash('S3cret-pass!'));
global $wp_rewrite;
$wp_rewrite->set_permalink_structure('/%postname%/');
$wp_rewrite->flush_rules(false);
update_option('home', "http://$host");
wp_insert_post(['post_title' => 'Target post', 'post_name' => 'target-post', 'post_status' => 'publish', 'post_author' => 1, 'post_content' => '<p>Worth linking to.</p>']);
PHP
cat >"$root/link.php" <<'PHP'
<?php
[, $www] = $argv;
$_SERVER['HTTP_HOST'] = 'a.example';
$_SERVER['REQUEST_URI'] = '/';
define('DISABLE_WP_CRON', 1);
require "$www/wp-load.php";
wp_insert_post(['post_title' => 'Linker ' . hrtime(true), 'post_status' => 'publish', 'post_author' => 1,
    'post_content' => '<p>I liked <a href="http://b.example/target-post/">that post</a>.</p>']);
PHP
chown -R www-data: "$www/wp-content" "$root/tmp" "$root/data"
cat >"$root/fpm.conf" <<CONF
[global]
pid = $root/run/fpm.pid
error_log = $root/logs/fpm
[www]
user = www-data
group = www-data
listen = $root/run/fpm.sock
listen.owner = www-data
pm = static
pm.max_children = 8
access.log = $root/logs/php
access.format = "%m %r"
php_admin_value[sys_temp_dir] = $root/tmp
php_admin_value[upload_tmp_dir] = $root/tmp
CONF
inside "$fpm" -y "$root/fpm.conf"
php_as_site() { inside runuser -u www-data -- php "$@"; }

# -- httpd -------------------------------------------------------------------------------------------------------------

start_httpd() { # FURTHER-LINE…
  [ -z "$httpd" ] || { stop "$httpd"; rm -f "$root"/logs/{error.log,audit.log,php} "$root"/data/*; kill -USR1 "$(<"$root/run/fpm.pid")"; }
  {
    for name in mpm_event authz_core mime dir setenvif rewrite unique_id proxy proxy_fcgi; do
      echo "LoadModule ${name}_module $modules/mod_$name.so"
    done
    cat <<CONF
LoadModule security2_module $module
DefaultRuntimeDir $root/run
PidFile $root/run/httpd.pid
ServerName localhost
User www-data
Group www-data
Listen 80
TypesConfig /etc/mime.types
ErrorLog $root/logs/error.log
DocumentRoot $www
SetEnvIf Authorization "(.*)" HTTP_AUTHORIZATION=\$1
<Directory $www>
  Require all granted
  DirectoryIndex index.php
  <FilesMatch "\.php$">
    SetHandler "proxy:unix:$root/run/fpm.sock|fcgi://localhost"
  </FilesMatch>
  RewriteEngine On
  RewriteCond %{REQUEST_FILENAME} !-f
  RewriteCond %{REQUEST_FILENAME} !-d
  RewriteRule . /index.php [L]
</Directory>
<VirtualHost *:80>
  ServerName a.example
</VirtualHost>
<VirtualHost *:80>
  ServerName b.example
</VirtualHost>
SecDataDir $root/data
SecAuditLog $root/logs/audit.log
CONF
    printf '%s\n' "$@"
  } >"$root/httpd.conf"
  inside apache2 -d "$root" -f "$root/httpd.conf"
  for _ in {1..100}; do [ -s "$root/run/httpd.pid" ] && break; sleep 0.1; done
  httpd=$(<"$root/run/httpd.pid")
}

# shellcheck source=container/checks.sh
source container/checks.sh
# From one of the two visitors' addresses, so that httpd sees who it is.
visit() { # LAST CURL-OPTION…
  inside curl -q -s --noproxy '*' --max-time 20 --interface "192.0.2.$1" "${@:2}"
}
xmlrpc() { # LAST CURL-OPTION… <CALL
  visit "$1" -H 'Content-Type: text/xml' "${@:2}" --data-binary @- http://b.example/xmlrpc.php
}
call() { # METHOD STRING…
  local value
  printf '<?xml version="1.0"?><methodCall><methodName>%s</methodName><params>' "$1"
  for value in "${@:2}"; do printf '<param><value><string>%s</string></value></param>' "$value"; done
  printf '</params></methodCall>'
}
pingbacks() { sql "select count(*) from wp.b_comments where comment_type = 'pingback'"; }
calls_seen_by_php() { grep -c '^POST /xmlrpc.php' "$root/logs/php" || true; }
has() { # TEXT <INPUT
  if grep -q -- "$1"; then echo yes; else echo no; fi
}

exercise() { # TITLE
  echo "$1"
  local before body jar=$root/cookies
  before=$(pingbacks)
  php_as_site "$root/link.php" "$www"
  for _ in {1..150}; do
    # It wakes WordPress's own clock; what it answers, and whether in time, is not what is tried here.
    visit 77 -o /dev/null http://a.example/ || true
    [ "$(pingbacks)" = "$before" ] || break
    sleep 0.2
  done
  check 'a second WordPress pings, and its ping is taken' $((before + 1)) "$(pingbacks)"

  rm -f "$jar"
  visit 77 -o /dev/null -c "$jar" http://b.example/wp-login.php
  check 'the login form refuses a wrong password' yes \
    "$(visit 77 -b "$jar" -d 'log=admin&pwd=wrong&wp-submit=Log+In&testcookie=1' http://b.example/wp-login.php | has 'id="login_error"')"
  check 'the login form takes the right one' 302 \
    "$(visit 77 -b "$jar" -c "$jar" -o /dev/null -w '%{http_code}' -d 'log=admin&pwd=S3cret-pass!&wp-submit=Log+In&testcookie=1' http://b.example/wp-login.php)"
  check 'who is logged in gets to the desk' 200 "$(visit 77 -b "$jar" -o /dev/null -w '%{http_code}' http://b.example/wp-admin/profile.php)"
  check 'XML-RPC lists its methods' yes "$(call system.listMethods | xmlrpc 77 | has pingback.ping)"
  check 'XML-RPC takes the right password' yes "$(call wp.getUsersBlogs admin 'S3cret-pass!' | xmlrpc 77 | has 'Site b.example')"
  check 'XML-RPC refuses a wrong one' yes "$(call wp.getUsersBlogs admin wrong | xmlrpc 77 | has '<int>403</int>')"
  check 'no refusal so far' no "$(has 'Access denied' <"$root/logs/error.log")"

  before=$(calls_seen_by_php)
  check 'PHP has seen the calls so far' 4 "$before"
  while IFS='|' read -r what status body; do
    check "spam: $what" "$status" "$(printf '%s' "$body" | xmlrpc 78 -H 'User-Agent: X' -o /dev/null -w '%{http_code}')"
  done <<SPAM
malformed XML|400|$(call pingback.ping http://pills.example/x http://b.example/target-post/ | sed 's|</params>||')
a source inside|403|$(call pingback.ping http://192.168.1.1/admin http://b.example/target-post/)
the front page|403|$(call pingback.ping http://pills.example/x http://b.example/)
cut off by now|403|$(call pingback.ping http://pills.example/x http://b.example/target-post/)
SPAM
  check 'no spam has reached PHP' "$before" "$(calls_seen_by_php)"
  check 'who went on is cut off' 403 "$(visit 78 -o /dev/null -w '%{http_code}' http://b.example/target-post/)"
  check 'others are not' 200 "$(visit 77 -o /dev/null -w '%{http_code}' http://b.example/target-post/)"
  check 'each refusal has one record' 3 "$(grep -c '^Message: Access denied' "$root/logs/audit.log")"
}

shipped=("Include $project/apache-conf/recommended.conf" "Include $project/apache-conf/rules/pingback.conf")
start_httpd "${shipped[@]}"
for host in a b; do php_as_site "$root/install.php" "$www" "$host.example"; done
exercise 'With the shipped rules:'

crs=/usr/share/modsecurity-crs/rules
if [ -d "$crs" ]; then
  start_httpd "${shipped[@]}" 'Include /etc/modsecurity/crs/crs-setup.conf' "Include $crs/*.conf"
  exercise 'With the Core Rule Set besides:'
else
  echo 'SKIPPED: modsecurity-crs is not installed' >&2
fi

[ "$failed" -eq 0 ] || { tail -n 20 "$root/logs/error.log" >&2; }
finish wordpress
