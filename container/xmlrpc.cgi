#!/bin/sh
# The answer WordPress gives to a pingback it has registered.
cat >/dev/null
printf 'Content-Type: text/xml; charset=UTF-8\r\n\r\n'
cat <<'XML'
<?xml version="1.0" encoding="UTF-8"?>
<methodResponse>
  <params>
    <param>
      <value>
      <string>Pingback registered. Keep the web talking! :-)</string>
      </value>
    </param>
  </params>
</methodResponse>
XML
