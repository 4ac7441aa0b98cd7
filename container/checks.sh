# shellcheck shell=sh
# Sourced by scripts that check: `check` counts, and a script ends with `finish`.
passed=0 failed=0

check() { # WHAT EXPECTED FOUND
  if [ "$2" = "$3" ]; then
    passed=$((passed + 1)); echo "ok      $1"
  else
    failed=$((failed + 1)); echo "FAILED  $1: expected ${2:-nothing}, found ${3:-nothing}"
  fi
}

finish() { # [NAME]: fails where a check has
  echo "${1:+$1: }$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}
