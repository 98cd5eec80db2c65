#!/bin/bash
# Lets sipp play many devices against a gateway that demands digest:
#   run.sh HOST PORT [DEVICES] [PASSWORD]
# Environment: TRANSPORT=udp|tcp (udp), SERVER_ID, LOCAL_PORT, RATE (devices per second).
# Exits non-zero when one call failed or one unexpected message came.
set -u
host=${1:?usage: run.sh HOST PORT [DEVICES] [PASSWORD]}
port=${2:?usage: run.sh HOST PORT [DEVICES] [PASSWORD]}
devices=${3:-1000}
password=${4:-12345678}
transport=${TRANSPORT:-udp}
server_id=${SERVER_ID:-34020000002000000001}
local_port=${LOCAL_PORT:-25060}
rate=${RATE:-200}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

domain=${server_id:0:10}
{
  echo SEQUENTIAL
  for ((i = 1; i <= devices; ++i)); do
    id=$(printf '34020000001115%06d' "$i")
    echo "$id;[authentication username=$id password=$password];$domain;[authentication username=$id password=not-$password]"
  done
} > "$work/devices.csv"

# play SCENARIO CALLS: all calls must succeed.
play() {
  local name=$1 calls=$2
  (cd "$work" && timeout 180 sipp "$host:$port" -sf "$here/$name.xml" -oocsf "$here/answer_queries.xml" \
    -inf devices.csv -s "$server_id" -i "${LOCAL_IP:-127.0.0.1}" -p "$local_port" -t "${transport:0:1}1" \
    -r "$rate" -m "$calls" -l "$((calls < 5000 ? calls : 5000))" -cid_str "%u-%p@%s" \
    -nostdin -trace_err -error_file errors.log -trace_stat -stf stat.csv -fd 1 \
    > "$work/$name.out" 2>&1)
  local code=$?
  report "$name" "$calls" "$code"
}

# column NAME: the last value of a cumulative column of the statistics.
column() {
  awk -F';' -v name="$1" 'NR == 1 { for (i = 1; i <= NF; ++i) if ($i == name) c = i; next }
    c { value = $c } END { print value + 0 }' "$work/stat.csv"
}

report() {
  local name=$1 calls=$2 code=$3
  local good failed unexpected
  if [[ ! -s $work/stat.csv ]]; then
    echo "sipp $name over $transport: did not start, exit=$code" >&2
    tail -n 20 "$work/$name.out" >&2
    exit 1
  fi
  good=$(column 'SuccessfulCall(C)')
  failed=$(column 'FailedCall(C)')
  unexpected=$(($(column 'FailedUnexpectedMessage(C)') + $(column 'FatalErrors')))
  echo "sipp $name over $transport: calls=$calls successful=$good failed=$failed unexpected=$unexpected exit=$code"
  if ((code != 0 || failed != 0 || unexpected != 0 || good < calls)); then
    # Each query that was answered leaves a line here, too.
    sed 's/[0-9-]\{10\}\t/\n&/g' "$work/errors.log" 2> /dev/null |
      grep -v 'using the out-of-call scenario' | head -c 4000 >&2
    tail -n 30 "$work/$name.out" >&2
    exit 1
  fi
}

play device_life "$devices"
play wrong_password 1
