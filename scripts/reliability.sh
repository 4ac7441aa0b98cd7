#!/usr/bin/env bash
# What is known about how Palisade stands what is thrown at it: a table into docs/reliability.md, red figures included.
#
#   scripts/reliability.sh quick       under five minutes, once everything is built
#   scripts/reliability.sh full        under half an hour: more of the same, and what watches code while it runs
#   scripts/reliability.sh read LOG    the table of what `make test` has just run, into target/reliability/page.md
#   scripts/reliability.sh page        docs/reliability.md of what is known
#
# A figure is kept in tests/data/reliability/ with the commit that it was measured at, and stands in the table until it is measured
# again. Ends with 1 if a figure that this run has measured is red. PALISADE_MODULE says where the module is, as for the tests.
# shellcheck disable=SC2016 # backticks of Markdown
set -u
cd "$(dirname "$0")/.." || exit
how=${1:?usage: scripts/reliability.sh quick|full|read LOG|page}
data=tests/data/reliability
work=target/reliability
mkdir -p "$work"
log=$work/tests.log
new=$work/figures.tsv
: > "$new"
# What was measured: the last commit that changed it.
commit=$(git log -1 --format=%h -- src Cargo.toml Cargo.lock 2> /dev/null)
commit=${commit:-unknown}

# figure NAME pass|fail WHAT: what was measured now.
figure() { printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$commit" >> "$new"; }

# outcomes: of each test in the log its file, its name, and `ok`, `FAILED`, `ignored` or, where it says so, `SKIPPED`.
outcomes() {
    awk '/^ *Running / { file = $2 == "unittests" ? $3 : $2 }
        /^test .* \.\.\. / {
            result = $0; sub(/.* \.\.\. /, "", result); sub(/,.*/, "", result)
            number++; names[number] = file "\t" $2; results[number] = result; at[file, $2] = number
        }
        /^---- .* stdout ----$/ { printing = $2 }
        /^SKIPPED/ && at[file, printing] { results[at[file, printing]] = "SKIPPED" }
        END { for (i = 1; i <= number; i++) print names[i] "\t" results[i] }' "$log" > "$work/outcomes.tsv"
}

# passing NAME FILE TESTS: how many of the tests that two patterns name have passed; nothing where none was run.
passing() {
    local ok failed skipped
    read -r ok failed skipped < <(awk -F'\t' -v file="$2" -v tests="$3" '
        $1 ~ file && $2 ~ tests { if ($3 == "ok") ok++; else if ($3 == "SKIPPED") skipped++; else if ($3 != "ignored") failed++ }
        END { print ok + 0, failed + 0, skipped + 0 }' "$work/outcomes.tsv")
    [ "$((ok + failed))" = 0 ] && return
    figure "$1" "$([ "$failed" = 0 ] && echo pass || echo fail)" \
        "$ok passed, $failed failed$([ "$skipped" = 0 ] || echo ", $skipped could not run here")"
}

# said NAME BEGINNING PASSES: what a test printed behind these words; it passes if it matches a pattern.
said() {
    local line
    line=$(grep -F -m 1 -- "$2" "$log") || return
    line=${line#"$2"}
    figure "$1" "$(grep -qE "$3" <<< "$line" && echo pass || echo fail)" "$line"
}

# What the tests in the log say.
read_tests() {
    outcomes
    said advisories 'advisories: ' '^[1-9][0-9]* with a test'
    local way
    while IFS= read -r way; do
        said "vectors $way" "hostile vectors, $way: " ', 0 wrong$'
    done < <(sed -n 's/^hostile vectors, \(.*\): [0-9]* in two modes.*/\1/p' "$log" | sort -u)
    said changed 'changed requests: ' ', 0 wrong$'
    passing seeds 'tests/fuzz.rs' '^[a-z]+$'
    passing properties 'tests/(properties|body)' '^(properties::|however_|instances_|a_printed_)'
    passing prefilter 'tests/prefilter.rs' '.'
    passing transformations 'tests/transformations.rs' '.'
    passing operators 'tests/(operators|libinjection).rs' '.'
    passing classes 'tests/body' '^(classes|vulnerabilities)::'
    passing forgery 'tests/(audit.rs|httpd)' 'forgery::'
    passing writers 'tests/audit.rs' '^writers::'
    passing kills 'tests/httpd' '^audit::crashes::'
    passing storage 'tests/httpd' '^audit::failures::'
    said memory 'memory: ' requests
    while IFS= read -r way; do
        said "faults $way" "I/O faults, $way: " ', 0 wrong$'
    done < <(sed -n 's/^I\/O faults, \(.*\): [0-9]* calls failed.*/\1/p' "$log" | sort -u)
    passing panics 'tests/httpd' '^panics::'
    passing restarts 'tests/httpd' '^restarts::'
    passing clocks 'tests/httpd' '^collections::clock::'
    passing host 'tests/httpd' '^(bodies|redirects|handlers|responses|connections|http2|uploads|denials)::'
    passing mutations 'tests/httpd' '^mutations::'
    said soak 'soak: ' within
    passing pings 'tests/(httpd|pingback)|src/lib.rs' '^(verification|linkback)::'
}

# run_tests SECONDS: the tests that have figures, which is less than all; and how long the soak takes.
run_tests() {
    {
        cargo test --no-fail-fast --test advisories --test fuzz --test properties --test prefilter --test transformations --test operators \
            --test libinjection --test body --test audit -- --show-output
        cargo test --no-fail-fast --test memory -- --show-output
        cargo test --no-fail-fast --lib linkback -- --show-output
        cargo test --no-fail-fast --test httpd -- --show-output hostile:: panics:: restarts:: forgery:: clock:: mutations:: bodies:: redirects:: \
            handlers:: responses:: connections:: http2:: denials:: verification:: failures:: crashes:: uploads:: io_faults::
        PALISADE_SOAK_SECONDS=$1 cargo test --no-fail-fast --test httpd soak -- --ignored --show-output
    } > "$log" 2>&1
}

# checked NAME COMMAND...: something that prints its figure last, and may be missing here (2).
checked() {
    local name=$1 status=0
    shift
    "$@" > "$work/$name.log" 2>&1 || status=$?
    case $status in
        0) figure "$name" pass "$(tail -n 1 "$work/$name.log")" ;;
        2) echo "reliability: $name: $(tail -n 1 "$work/$name.log")" >&2 ;;
        *) figure "$name" fail "failed: $(tail -n 1 "$work/$name.log")" ;;
    esac
}

# Time a byte in values of 1 KB to 1 MB, by family.
linearity() {
    local status=0
    cargo bench --bench linearity > "$work/linearity.table" || status=$?
    cat "$work/linearity.table"
    [ "$status" -lt 2 ] || return "$status"
    grep -E '^\| [^|]* \| [0-9]' "$work/linearity.table" > "$data/linearity.md"
    awk -F'|' '/^\| / && $3 + 0 > 0 { all += $3 } /^NOT LINEAR/ { slow++ } END { printf "%d subjects, %d not linear\n", all, slow }' "$work/linearity.table"
    return "$status"
}

case $how in
    quick) run_tests 30 ;;
    full)
        export PALISADE_FUZZ_CHANGED=20000
        run_tests 300
        checked linearity linearity
        checked valgrind scripts/memcheck.sh valgrind
        for checker in address thread miri; do checked $checker scripts/sanitise.sh $checker; done
        checked coverage scripts/coverage.sh
        checked mutants scripts/mutants.sh sample
        ;;
    read) log=${2:?which log?} ;;
    page) ;;
    *) exit 2 ;;
esac
[ "$how" = page ] || read_tests

# What was measured now takes the place of what was known.
known=$data/figures.tsv
if [ "$how" = read ]; then
    page=$work/page.md
    known=$work/known.tsv
    cp -f "$data/figures.tsv" "$known" 2> /dev/null || : > "$known"
else
    page=docs/reliability.md
fi
touch "$known"
awk -F'\t' '!($1 in seen) { seen[$1] = 1; print }' "$new" "$known" | LC_ALL=C sort > "$work/merged.tsv"
cp -f "$work/merged.tsv" "$known"

# row NAME WHAT WANTED: its line of the table.
row() {
    awk -F'\t' -v name="$1" -v what="$2" -v wanted="$3" '
        $1 == name { found = 1; print "| " what " | " wanted " | " ($2 == "pass" ? "" : "**red:** ") $3 " | `" $4 "` |" }
        END { if (!found) print "| " what " | " wanted " | **not measured** | |" }' "$known"
}

# executions: of each fuzzer, how many inputs it was given.
executions() {
    awk -F'\t' '{ sum[$1] += $2 } END { for (name in sum) print name "\t" sum[name] }' fuzz/executions.tsv | LC_ALL=C sort
}

# thousands: numbers as people read them.
thousands() { sed -E ':a; s/\b([0-9]+)([0-9]{3})\b/\1,\2/; ta'; }

fuzzers() {
    executions | awk -F'\t' '{ all += $2; if ($2 >= 10000000) enough++; if (NR == 1 || $2 < least) { least = $2; which = $1 } }
        END { printf "| Fuzzers guided by coverage, open crashes none: inputs that each was given (below) | 10000000 each | %s%d in all, %d of %d fuzzers have theirs, the least %d (%s) | |\n",
            enough < NR ? "**red:** " : "", all, enough, NR, least, which }' | thousands
}

{
    cat << 'HEAD'
# Reliability

What is known about how Palisade stands what is thrown at it. `make reliability` measures in five minutes what can be measured in five
minutes and writes this page, `make reliability FULL=1` measures the rest as well, in half an hour; `make test` prints the same table of its
own tests. Red figures stay in it, and what was never measured says so. Behind each figure is the
commit that it was measured at: the last one then that had changed the sources.

HEAD
    printf 'Written on %s at commit `%s`.\n\n' "$(date -u +%Y-%m-%d)" "$commit"
    echo '| What | Wanted | Measured | At |'
    echo '|---|---|---|---|'
    row advisories 'Published weaknesses of firewalls like this one, each with tests that it would not pass (`tests/data/advisories.toml`)' \
        'all that concern this design'
    for way in 'HTTP/1.1 Event' 'HTTP/1.1 Prefork' 'HTTP/1.1 Event, small stacks' 'HTTP/1.1 Event, 256 descriptors' \
        'HTTP/1.1 Prefork, 256 MB of addresses' 'HTTP/2 Event, lengths stated' 'HTTP/2 Event, lengths not stated' 'HTTP/2 Worker, lengths stated'; do
        row "vectors $way" "Hostile requests on the wire, $way: \`On\`, and \`DetectionOnly\` byte for byte as without a firewall" '0 wrong'
    done
    row changed 'The same with changes, on the wire: answered in time or cut off, no process dies' '0 wrong'
    row classes 'Bodies that parsers read differently, and those of the advisories' '0 failed'
    fuzzers
    row seeds 'The same fuzzers on their seeds and changed ones, in every test run' '0 failed, none over 1 s'
    row properties 'Properties: any split gives the same verdict, headers keep their order, a printed tree is read as the same tree' '0 failed'
    row prefilter 'Verdicts and alerts with the prefilter are those without it' '0 failed'
    row transformations 'Transformations: borrowed if unchanged, bounded, linear, their bytes' '0 failed'
    row operators 'Operators: tables, noise, against PCRE2 and libinjection' '0 failed'
    row mutations 'Broken configurations: a message with a place, never a crash' '0 failed'
    row forgery 'Records and lines that a client tries to forge: native, JSON, index, syslog' '0 failed'
    row writers 'Records of many processes and threads are whole' '0 failed'
    row kills 'A server killed 200 times in the midst: no refusal without a record, no record torn' '0 failed'
    row storage 'Logs: disks that fill, daemons and programs that go away or hang' '0 failed'
    for way in 'On' 'On, concurrent records' 'DetectionOnly'; do
        row "faults $way" "The n-th open, write, rename or sync fails, for each n, once and for good: \`$way\`" 'answered by policy, nothing leaks'
    done
    row memory 'Memory of a request, counted' 'never over 16 times its body and 4 MB'
    row linearity 'Time a byte, from 1 KB to 1 MB: transformations, operators, parsers, patterns of the Core Rule Set' 'growth of at most 4 times'
    row panics 'Panics on purpose: every hook, 1,000 over 4 threads' '0 failed'
    row restarts 'Graceful restarts under load' '0 failed'
    row clocks 'Clocks that jump' '0 failed'
    row host 'In a real httpd: slow and broken bodies, 100-continue, keep-alive, error documents, redirects, proxies, CGI, HTTP/2' '0 failed'
    row pings 'Addresses that a ping must not lead us to' '0 failed'
    row soak 'Soak: the Core Rule Set, hostile and everyday requests' 'memory, descriptors and times flat'
    row valgrind 'httpd with the module under valgrind' '0 errors, no definite leak'
    row address 'The module in a stock httpd under AddressSanitizer' '0 errors'
    row thread 'What threads share, under ThreadSanitizer' '0 races'
    row miri 'The pure rooms in Miri' 'no undefined behaviour'
    row coverage 'Lines that the tests reach (below)' '95 %'
    row mutants 'Small changes of the code that the tests notice (below)' '90 %'
    printf '\n## Inputs of each fuzzer\n\n| Fuzzer | Inputs |\n|---|---|\n'
    executions | awk -F'\t' '{ print "| `" $1 "` | " $2 " |" }' | thousands
    if [ -s "$data/linearity.md" ]; then
        printf '\n## Time a byte\n\nNanoseconds, of the value that is the worst in its family; growth is what a byte of 1 MB costs against one of 4 or 64 KB.\nOf groups and requests the values that are the worst in 64 KB have been made 1 MB long, of all else each.\n\n'
        echo '| What | Subjects | Values | 1 KB | 4 KB | 64 KB | 1 MB | Greatest growth |'
        echo '|---|---|---|---|---|---|---|---|'
        cat "$data/linearity.md"
    fi
    if [ -s "$data/coverage.tsv" ]; then
        printf '\n## Lines that the tests reach, by room\n\nWithout `src/apache`, which runs in httpd, and without the tests themselves.\n\n| Room | Lines | Reached |\n|---|---|---|\n'
        awk -F'\t' '{ printf "| `%s` | %d | %.1f %% |\n", $1, $2, 100 * $3 / $2 }' "$data/coverage.tsv"
    fi
    if [ -s "$data/mutants.tsv" ]; then
        printf '\n## Changes that the tests notice, by room\n\nA part of each: `scripts/mutants.sh`.\n\n| Room | Tried | Noticed |\n|---|---|---|\n'
        awk -F'\t' '{ caught[$1] += $3; all[$1] += $3 + $4 } END { for (room in all) printf "| `%s` | %d | %d |\n", room, all[room], caught[room] }' "$data/mutants.tsv" | LC_ALL=C sort
    fi
    printf '\n## Advisories without a test\n\n'
    sed -n '/^\[without\]/,$ { s/^.\(.*\). = .\(.*\).$/- \1: \2/p }' tests/data/advisories.toml
} > "$page"

if [ "$how" = read ]; then sed -n '/^| What/,/^$/p' "$page"; else cat "$page"; fi
if grep -qP '^[^\t]*\tfail\t' "$new"; then
    echo "reliability: red, see $work" >&2
    exit 1
fi
