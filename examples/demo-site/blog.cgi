#!/bin/sh
# A blog small enough to read: two pages, and an XML-RPC endpoint that believes every ping, as weblogs do.
# It notes each request that reaches it: client, method, path, checksum and length of the body.
set -eu

note() { # [CHECKSUM LENGTH]
  # Of X-Forwarded-For the proxy wrote the last address.
  echo "${HTTP_X_FORWARDED_FOR##*[, ]} $REQUEST_METHOD $PATH_INFO${1:+ $1 $2}" >>"$BLOG_NOTES"
}

page() { # TITLE CONTENT
  cat <<HTML
Content-Type: text/html; charset=utf-8
X-Pingback: http://${HTTP_HOST-}/xmlrpc.php

<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>$1</title></head>
<body><h1>$1</h1><p>$2</p></body>
</html>
HTML
}

HTTP_X_FORWARDED_FOR=${HTTP_X_FORWARDED_FOR-}
case $REQUEST_METHOD:$PATH_INFO in
  POST:/xmlrpc.php)
    # shellcheck disable=SC2046  # two words: checksum and length
    note $(cksum)
    cat <<'XML'
Content-Type: text/xml; charset=UTF-8

<?xml version="1.0" encoding="UTF-8"?>
<methodResponse><params><param><value><string>Pingback registered. Keep the web talking! :-)</string></value></param></params></methodResponse>
XML
    ;;
  *:/) note; page 'A blog' '<a href="/a-post/">A post</a>' ;;
  *:/a-post/) note; page 'A post' 'Link to it, and let it know.' ;;
  *)
    note
    echo 'Status: 404'
    page 'Not here' '<a href="/">A blog</a>'
    ;;
esac
