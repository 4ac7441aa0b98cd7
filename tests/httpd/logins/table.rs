//! What clients ask of the stub applications, and the line that follows.

pub const RIGHT: &str = "Authorization: Basic Ym9iOnNlY3JldA==\r\n";
pub const WRONG: &str = "Authorization: Basic Ym9iOndyb25n\r\n";

/// Method and target, header lines, body, and the line that follows.
pub type Row = (&'static str, &'static str, &'static str, &'static str);

pub const TABLE: &[Row] = &[
    (
        "POST /known/session/login",
        "Cookie: known=old\r\n",
        "email=bob%40k.test&password=secret",
        "idno: Accepted login for bob@k.test",
    ),
    (
        "POST /known/session/login",
        "Cookie: known=old\r\n",
        "email=bob%40k.test&password=x",
        "idno: Authentication failure for bob@k.test",
    ),
    (
        "POST /known/status/edit",
        "X-KNOWN-USERNAME: bob\r\nX-KNOWN-SIGNATURE: secret\r\n",
        "",
        "idno: Accepted login for bob",
    ),
    (
        "POST /known/status/edit",
        "X-KNOWN-USERNAME: bob\r\nX-KNOWN-SIGNATURE: x\r\n",
        "",
        "idno: Authentication failure for API User",
    ),
    (
        "POST /wp/wp-login.php",
        "",
        "log=admin&pwd=secret",
        "wordpress: Accepted login for admin",
    ),
    (
        "POST /wp/wp-login.php",
        "",
        "log=admin&pwd=x",
        "wordpress: Authentication failure for admin",
    ),
    ("GET /wp/wp-login.php", "", "", ""),
    (
        "GET /wp/wp-login.php?action=logout",
        "Cookie: wordpress_logged_in_1=admin%7C1\r\n",
        "",
        "wordpress: User logged out admin",
    ),
    (
        "POST /wp/xmlrpc.php",
        "",
        "<methodCall><methodName>wp.getUsersBlogs</methodName><params><param><value>admin</value></param><param><value>secret</value></param></params></methodCall>",
        "wordpress: Accepted login for admin",
    ),
    (
        "POST /wp/xmlrpc.php",
        "Content-Type: text/xml\r\nAccept-Encoding: gzip\r\n",
        "<methodCall><methodName>metaWeblog.getPost</methodName><params><param><value>1</value></param><param><value>admin</value></param><param><value>x</value></param></params></methodCall>",
        "wordpress: Authentication failure for admin",
    ),
    (
        "GET /wp/wp-json/wp/v2/users/me",
        RIGHT,
        "",
        "wordpress: Accepted login for bob",
    ),
    (
        "GET /wp/wp-json/wp/v2/users/me",
        WRONG,
        "",
        "wordpress: Invalid user bob",
    ),
    (
        "POST /elgg/action/login",
        "Cookie: Elgg=old\r\n",
        "username=bob&password=secret",
        "elgg: Accepted login for bob",
    ),
    (
        "POST /elgg/action/login",
        "Cookie: Elgg=old\r\n",
        "username=bob&password=x",
        "elgg: Authentication failure for bob",
    ),
    (
        "POST /nc/login",
        "",
        "user=bob&password=secret",
        "nextcloud: Accepted login for bob",
    ),
    (
        "POST /nc/login",
        "",
        "user=bob&password=x",
        "nextcloud: Authentication failure for bob",
    ),
    (
        "PROPFIND /nc/remote.php/dav/",
        RIGHT,
        "",
        "nextcloud: Accepted login for bob",
    ),
    ("PROPFIND /nc/remote.php/dav/", RIGHT, "", ""),
    (
        "PROPFIND /nc/remote.php/dav/",
        WRONG,
        "",
        "nextcloud: Authentication failure for bob",
    ),
    ("PROPFIND /nc/remote.php/dav/", "", "", ""),
    (
        "POST /drupal/user/login",
        "",
        "name=bob&pass=secret&form_id=user_login_form",
        "drupal: Accepted login for bob",
    ),
    (
        "POST /drupal/user/login",
        "",
        "name=bob&pass=x&form_id=user_login_form",
        "drupal: Authentication failure for bob",
    ),
    (
        "POST /pma/index.php",
        "",
        "pma_username=root&pma_password=secret",
        "phpmyadmin: Accepted login for root",
    ),
    (
        "POST /pma/index.php",
        "",
        "pma_username=root&pma_password=x",
        "phpmyadmin: Authentication failure for root",
    ),
    (
        "POST /shop/in",
        "",
        "mail=bob&p=secret",
        "shop: Accepted login for bob",
    ),
    (
        "POST /shop/in",
        "",
        "mail=bob&p=x",
        "shop: Authentication failure for bob",
    ),
    ("GET /own/?success", "", "", "own: Accepted login for o wn"),
    ("GET /own/?invalid-user", "", "", "own: Invalid user o wn"),
    ("GET /own/?none", "", "", ""),
    (
        "POST /wp/wp-login.php?via",
        "",
        "log=via&pwd=x",
        "wordpress: Authentication failure for via",
    ),
    ("POST /unaudited/wp-login.php", "", "log=admin&pwd=x", ""),
];

pub fn expected(table: &[Row], client: &str) -> Vec<String> {
    let rows = table.iter().filter(|row| !row.3.is_empty());
    rows.map(|row| {
        let (ident, text) = row.3.split_once(": ").unwrap();
        format!("{ident}(www.example.test): {text} from {client}")
    })
    .collect()
}
