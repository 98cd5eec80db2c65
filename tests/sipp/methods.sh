#!/bin/bash
# Plays every SIP method through a proxy and registrar, sipp being both ends:
#   methods.sh HOST PORT [udp|tcp] [USER PASSWORD]
# USER is a user of the server; its bindings are replaced, and removed at the end. Without a password the server must
# not ask for one. The callers are of another domain (visitor.test), so that they are not asked; invite_auth alone
# calls as USER. The server must record-route.
# Environment: DOMAIN (HOST) whose user USER is, CALLS (5) of each scenario, RATE (50 a second), LOCAL_IP, LOCAL_PORT
# (25100, and the two above it), CONTACT (the callee's, when a static one is to be registered), ONLY="invite cancel".
# Prints a line for each scenario. Exits non-zero when one call failed or one unexpected message came.
set -u
usage='usage: methods.sh HOST PORT [udp|tcp] [USER PASSWORD]'
host=${1:?$usage}
port=${2:?$usage}
transport=${3:-udp}
user=${4:-sipp}
password=${5:-}
domain=${DOMAIN:-$host}
calls=${CALLS:-5}
rate=${RATE:-50}
case $host in *:*) loopback='::1' ;; *) loopback=127.0.0.1 ;; esac
local_ip=${LOCAL_IP:-$loopback}
local_port=${LOCAL_PORT:-25100}
uas_port=$((local_port + 1))
case $local_ip in *:*) bracketed="[$local_ip]" ;; *) bracketed=$local_ip ;; esac
case $host in *:*) target="[$host]:$port" ;; *) target=$host:$port ;; esac
contact=${CONTACT:-sip:$user@$bracketed:$uas_port;transport=$transport}
here=$(cd "$(dirname "$0")/methods" && pwd)
work=$(mktemp -d)
failures=0 uas=
trap '[[ -n $uas ]] && kill "$uas" 2> /dev/null; rm -rf "$work"' EXIT

credentials=
[[ -n $password ]] && credentials="[authentication username=$user password=$password]"
for name in register register_uas watch; do
  if [[ -n $password ]]; then
    cp "$here/$name.xml" "$work/"
  else
    sed -e '/<!-- with a password -->/,/<!-- end -->/d' -e '/^\[field1\]$/d' "$here/$name.xml" > "$work/$name.xml"
  fi
done

# play SCENARIO_FILE PORT CALLS [OPTIONS...]: one sipp; its words and figures are kept under the scenario's name.
play() {
  local file=$1 from=$2 count=$3 name
  shift 3
  name=$(basename "$file" .xml)
  (cd "$work" && exec timeout 60 sipp "$target" -sf "$file" -s "$user" -key domain "$domain" -i "$local_ip" -p "$from" \
    -t "${transport:0:1}1" -m "$count" -l "$count" -r "$rate" -recv_timeout 15000 -cid_str "%u-%p-$name@%s" -nostdin \
    -trace_err -error_file "$name.errors" -trace_stat -stf "$name.csv" -fd 1 "$@" > "$name.out" 2>&1)
}

# column NAME COLUMN: the last value of a cumulative column of the statistics.
column() {
  awk -F';' -v name="$2" 'NR == 1 { for (i = 1; i <= NF; ++i) if ($i == name) c = i; next }
    c { value = $c } END { print value + 0 }' "$work/$1.csv" 2> /dev/null || echo 0
}

# report NAME EXIT_CODE CALLS: one line; false when not all went well.
report() {
  local name=$1 code=$2 count=$3 good failed unexpected again
  good=$(column "$name" 'SuccessfulCall(C)')
  failed=$(column "$name" 'FailedCall(C)')
  unexpected=$(($(column "$name" 'FailedUnexpectedMessage(C)') + $(column "$name" 'OutOfCallMsgs(C)')))
  again=$(column "$name" 'Retransmissions(C)')
  printf 'sipp %-14s %s calls=%d successful=%d failed=%d unexpected=%d retransmissions=%d\n' \
    "$name" "$transport" "$count" "$good" "$failed" "$unexpected" "$again"
  ((code == 0 && failed == 0 && unexpected == 0 && good == count)) && return
  echo "  exit=$code" >&2
  head -c 3000 "$work/$name.errors" >&2 2> /dev/null || tail -n 20 "$work/$name.out" >&2
  failures=$((failures + 1))
  return 1
}

# alone NAME CALLS [OPTIONS...]: a scenario against the server itself.
alone() {
  local name=$1 count=$2 file=$here/$1.xml
  shift 2
  [[ -f $work/$name.xml ]] && file=$work/$name.xml
  play "$file" "$local_port" "$count" "$@"
  report "$name" $? "$count"
}

listening() {
  ss -Hln "--$transport" "sport = :$uas_port" | grep -q .
}

# pair NAME [CALLEE] [OPTIONS...]: caller and callee, the server between them.
pair() {
  local name=$1 callee=${2:-$1} code
  shift $(($# > 1 ? 2 : 1))
  play "$here/${callee}_uas.xml" "$uas_port" "$calls" & uas=$!
  for ((i = 0; i < 50; ++i)); do listening && break; sleep 0.02; done
  play "$here/${name}_uac.xml" "$local_port" "$calls" "$@"
  code=$?
  report "${name}_uac" $code "$calls" || kill "$uas" 2> /dev/null
  wait "$uas"
  report "${callee}_uas" $? "$calls"
  uas=
}

register_callee() { # EXPIRES
  alone register_uas 1 -inf user.csv -key contact "$contact" -key expires "$1"
}

wanted() { [[ -z ${ONLY:-} || " $ONLY " == *" $1 "* ]]; }

printf 'SEQUENTIAL\n%s;%s\n' "$user" "$credentials" > "$work/user.csv"
wanted register && alone register 1 -inf user.csv
wanted ping && alone ping_uac "$calls"
register_callee 3600 || exit 1
wanted watch && alone watch 1 -inf user.csv
for name in options message invite reject cancel prack update info reinvite subscribe publish refer; do
  wanted $name && pair $name
done
[[ -n $password ]] && wanted invite_auth && pair invite_auth invite -inf user.csv
register_callee 0
((failures == 0)) || { echo "$failures failed" >&2; exit 1; }
