#!/bin/bash
# Finds the highest rate that sipp itself sustains against a server, with no failed call and no retransmission:
#   rate.sh HOST PORT udp|tcp [options|message|register|register_digest|invite...]
# Without a name: all of them; register only without, register_digest only with a PASSWORD. The server must answer
# OPTIONS and MESSAGE to itself, take REGISTER of USER, and proxy INVITE to the registered callee.
# Environment: USER_NAME (sipp), PASSWORD, DOMAIN (HOST), LOCAL_IP, LOCAL_PORT (25200, and the one above it),
# SECONDS_EACH (4) of each try, FIRST (500 calls a second), TOP (64000).
# Each rate is doubled until one fails, then the gap is halved until it is below 10 %. A try counts only when sipp made
# the calls that it was told to make in time: what it cannot send is not sustained.
set -u
usage='usage: rate.sh HOST PORT udp|tcp [options|message|register|register_digest|invite...]'
host=${1:?$usage} port=${2:?$usage} transport=${3:?$usage}
shift 3
user=${USER_NAME:-sipp} password=${PASSWORD:-} domain=${DOMAIN:-$host}
register=register
[[ -n $password ]] && register=register_digest
what=("$@")
[[ ${#what[@]} -eq 0 ]] && what=(options message $register invite)
case $host in
  *:*) target="[$host]:$port" local_ip=${LOCAL_IP:-::1} ;;
  *) target=$host:$port local_ip=${LOCAL_IP:-127.0.0.1} ;;
esac
case $local_ip in *:*) bracketed="[$local_ip]" ;; *) bracketed=$local_ip ;; esac
local_port=${LOCAL_PORT:-25200}
each=${SECONDS_EACH:-4} first=${FIRST:-500} top=${TOP:-64000}
here=$(cd "$(dirname "$0")/methods" && pwd)
work=$(mktemp -d)
uas=
trap '[[ -n $uas ]] && { kill -KILL "$uas"; wait "$uas"; } 2> /dev/null; rm -rf "$work"' EXIT

credentials=
[[ -n $password ]] && credentials="[authentication username=$user password=$password]"
printf 'SEQUENTIAL\n%s;%s\n' "$user" "$credentials" > "$work/user.csv"
cp "$here"/{ping_uac,rate_message,rate_register,register_uas,invite_uac,invite_uas}.xml "$work/"
if [[ -z $password ]]; then
  sed -i -e '/<!-- with a password -->/,/<!-- end -->/d' -e '/^\[field1\]$/d' "$work"/{rate_register,register_uas}.xml
fi
declare -A scenarios=([options]=ping_uac [message]=rate_message [register]=rate_register
  [register_digest]=rate_register [invite]=invite_uac)

sipp_options=(-s "$user" -key domain "$domain" -i "$local_ip" -t "${transport:0:1}1" -nostdin -buff_size 4000000
  -key contact "sip:$user@$bracketed:$((local_port + 1));transport=$transport")

# play SCENARIO RATE CALLS SECONDS [OPTIONS...]
play() {
  (cd "$work" && rm -f stat.csv && exec timeout "$4" sipp "$target" -sf "$1.xml" -p "$local_port" -r "$2" -m "$3" \
    -l 20000 -recv_timeout 9000 -inf user.csv -trace_stat -stf stat.csv -fd 1 "${sipp_options[@]}" "${@:5}" > out 2>&1)
}

# try NAME RATE: true when all calls of some seconds at this rate succeeded, in time, and nothing was repeated.
try() {
  local calls=$(($2 * each)) begin took code good failed again
  begin=$(date +%s%N)
  play "${scenarios[$1]}" "$2" "$calls" $((each * 3 + 10))
  code=$?
  took=$((($(date +%s%N) - begin) / 1000000))
  read -r good failed again < <(awk -F';' 'NR == 1 { for (i = 1; i <= NF; ++i) at[$i] = i; next }
    { g = $at["SuccessfulCall(C)"]; f = $at["FailedCall(C)"]; r = $at["Retransmissions(C)"] }
    END { print g + 0, f + 0, r + 0 }' "$work/stat.csv" 2> /dev/null)
  [[ -n ${VERBOSE:-} ]] && echo "  $1 $2/s: $good of $calls, failed=$failed retransmissions=$again ${took} ms exit=$code"
  ((code == 0 && failed == 0 && again == 0 && good == calls && took <= each * 1100 + 400))
}

search() { # NAME
  local low=0 high=0 rate=$first
  while ((rate <= top)); do
    if try "$1" "$rate"; then low=$rate; else high=$rate; break; fi
    rate=$((rate * 2))
  done
  while ((high > 0 && low > 0 && high - low > low / 10)); do
    rate=$(((low + high) / 2))
    if try "$1" "$rate"; then low=$rate; else high=$rate; fi
  done
  echo "sipp $1 $transport: $low calls a second sustained$( ((high == 0)) && echo ' (not looked above)')"
  ((low > 0))
}

# The callee's contact stays registered for the tries.
register_callee() { # EXPIRES
  play register_uas 1 1 20 -key expires "$1" && return
  tail -n 20 "$work/out" >&2
  return 1
}

failures=0
for name in "${what[@]}"; do
  [[ -n ${scenarios[$name]:-} ]] || { echo "unknown: $name; $usage" >&2; exit 2; }
  if [[ $name == invite ]]; then
    register_callee 3600 || exit 1
    (cd "$work" && exec sipp -sf invite_uas.xml -p $((local_port + 1)) "${sipp_options[@]}" > uas.out 2>&1) & uas=$!
    sleep 0.5
  fi
  search "$name" || failures=$((failures + 1))
done
[[ -z $uas ]] || register_callee 0
((failures == 0))
