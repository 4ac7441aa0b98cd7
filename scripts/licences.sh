#!/usr/bin/env bash
# Checks the crates that Palisade is built from, without the network: licences and origins against deny.toml, and known
# vulnerabilities where a copy of the advisory database is at hand.
# cargo-deny does it where it is installed; without it, this script reads the same allow-list and judges `cargo tree`'s licences.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v cargo-deny >/dev/null; then
  checks=(licenses bans sources)
  if compgen -G "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/*/" >/dev/null; then
    checks+=(advisories)
  else
    echo 'licences: advisories NOT checked: no copy of the advisory database here (cargo deny fetch)'
  fi
  exec cargo deny --offline check "${checks[@]}"
fi

mapfile -t allowed < <(sed -n '/^allow = \[/,/^\]/s/^ *"\(.*\)",$/\1/p' deny.toml)
[ ${#allowed[@]} -gt 0 ] || { echo 'licences: no allow-list found in deny.toml' >&2; exit 2; }

is_allowed() {
  local name
  for name in "${allowed[@]}"; do [ "$name" = "$1" ] && return; done
  return 1
}

# Turns an SPDX expression into an arithmetic one: 1 for an allowed licence, 0 for any other, and lets the shell judge it.
# AND binds tighter than OR in both. Old crates write OR as a slash.
accepts() {
  local expression=${1//\// OR } sum='' word
  expression=${expression// WITH /+WITH+}
  expression=${expression//(/ ( }
  for word in ${expression//)/ ) }; do
    case $word in
      AND) sum+='&&' ;;
      OR) sum+='||' ;;
      '(' | ')') sum+=$word ;;
      *) if is_allowed "${word//+WITH+/ WITH }"; then sum+=1; else sum+=0; fi ;;
    esac
  done
  [ -n "$sum" ] && (( sum ))
}

crates=$(cargo tree --offline --locked --prefix none --no-dedupe --format '{p}|{l}' | sort -u)

refused=0 count=0
while IFS='|' read -r crate licence; do
  count=$((count + 1))
  accepts "$licence" || { echo "licences: $crate: ${licence:-no licence} is not allowed by deny.toml" >&2; refused=1; }
done <<<"$crates"

if grep '^source = ' Cargo.lock | grep -v '^source = "registry+https://github.com/rust-lang/crates.io-index"$' >&2; then
  echo 'licences: the crates above do not come from crates.io' >&2
  refused=1
fi
[ "$refused" -eq 0 ] || exit 1
echo "licences: $count crates, all under a licence that deny.toml allows and all from crates.io"
echo 'licences: advisories NOT checked: cargo-deny is not installed'
