#!/usr/bin/env bash
# A company in OpenLDAP, a platform and an API server on this machine: see people come, move and leave.
# Everything listens on 127.0.0.1 on free ports, works in a temporary folder, and is gone at the end.
#
# usage: examples/demo.sh        DIRECTORY_SYNC=PATH takes that program instead of building one
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# --- output ----------------------------------------------------------------------------------------------------------

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' plain=$'\e[0m'; else bold='' dim='' red='' plain=''; fi
begun=$SECONDS
chapter() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
say() { printf '%s\n' "$*"; }
shown() { printf '%s$ %s%s\n' "$dim" "$*" "$plain"; }
# Shows a command, then runs it.
run() {
  shown "$*"
  "$@"
}
fail() {
  printf '%sdemo: %s%s\n' "$red" "$*" "$plain" >&2
  exit 1
}

# --- what is needed --------------------------------------------------------------------------------------------------

command -v curl >/dev/null || fail 'put curl on PATH, then run this again'
binary=${DIRECTORY_SYNC:-}
[[ -n $binary ]] || say 'demo: builds directory-sync (a debug build, the quickest: about 5 min the first time), and gets what is missing below'
tests/tools/install kubernetes openldap
if [[ -z $binary ]]; then
  cargo build --quiet --bin directory-sync || fail 'directory-sync does not build'
  binary=${CARGO_TARGET_DIR:-target}/debug/directory-sync
fi
tool() { tests/tools/install --where "$1"; }
kubectl_program=$(tool kubectl)
openldap=$(dirname "$(dirname "$(tool slapd)")")

# --- servers ---------------------------------------------------------------------------------------------------------

work=$(mktemp -d)
pids=()
# Ends what was started, newest first, and removes the folder. Only pids of our own are ever killed.
clean_up() {
  local status=$? at
  trap - EXIT INT TERM
  for ((at = ${#pids[@]} - 1; at >= 0; at--)); do
    kill "${pids[at]}" 2>/dev/null || true
    # One that doesn't end within 10 s is killed.
    for _ in {1..100}; do kill -0 "${pids[at]}" 2>/dev/null || break; sleep 0.1; done
    kill -9 "${pids[at]}" 2>/dev/null || true
    wait "${pids[at]}" 2>/dev/null || true
  done
  rm -rf "$work"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Starts a program whose output goes to a log.
start() {
  local name=$1
  shift
  "$@" >"$work/$name.log" 2>&1 </dev/null &
  pids+=($!)
}

# Waits until a command succeeds: until NAME COMMAND...
until_ready() {
  local name=$1 pid=${pids[-1]}
  shift
  for _ in {1..600}; do
    if "$@" >/dev/null 2>&1; then return; fi
    kill -0 "$pid" 2>/dev/null || { tail -n 20 "$work/$name.log" >&2; fail "$name ended before it was ready"; }
    sleep 0.1
  done
  tail -n 20 "$work/$name.log" >&2
  fail "$name was not ready within a minute"
}

# A port on which nobody listens, below those that the kernel gives to outgoing connections.
free_port() {
  local port
  while :; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

start_kubernetes() {
  local etcd peer port
  etcd=$(free_port) peer=$(free_port) port=$(free_port)
  start etcd "$(tool etcd)" --data-dir "$work/etcd" --log-level warn --unsafe-no-fsync \
    --listen-client-urls "http://127.0.0.1:$etcd" --advertise-client-urls "http://127.0.0.1:$etcd" \
    --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
    --initial-cluster "default=http://127.0.0.1:$peer"
  # Ann is an administrator, who signs her decision with her own name.
  echo 'demo,ann,ann,system:masters' >"$work/tokens.csv"
  # The key of the certificate that the API server makes for itself signs the tokens of service accounts, too.
  start kube-apiserver "$(tool kube-apiserver)" --etcd-servers "http://127.0.0.1:$etcd" \
    --cert-dir "$work/apiserver" --bind-address 127.0.0.1 --secure-port "$port" \
    --service-account-key-file "$work/apiserver/apiserver.key" \
    --service-account-signing-key-file "$work/apiserver/apiserver.key" \
    --service-account-issuer https://kubernetes.default.svc --service-cluster-ip-range 10.0.0.0/24 \
    --authorization-mode RBAC --token-auth-file "$work/tokens.csv" \
    --disable-admission-plugins ServiceAccount --endpoint-reconciler-type none
  cat >"$work/kubeconfig" <<CONFIG
apiVersion: v1
kind: Config
current-context: demo
contexts: [{ name: demo, context: { cluster: demo, user: demo, namespace: acme } }]
clusters: [{ name: demo, cluster: { server: "https://127.0.0.1:$port", certificate-authority: $work/apiserver/apiserver.crt } }]
users: [{ name: demo, user: { token: demo } }]
CONFIG
  export KUBECONFIG=$work/kubeconfig
  until_ready kube-apiserver "$kubectl_program" get --raw /readyz
}
# kubectl keeps its caches in a home of its own, not in that of whoever runs this.
kubectl() { HOME=$work "$kubectl_program" "$@"; }

ldap_admin=(-x -D cn=admin,dc=acme,dc=test -w admin)

# A company of 20 people: uid, given name, family name, department, title.
company() {
  cat <<'PEOPLE'
ann Ann Archer Support Lead
ben Ben Baker Support Agent
cleo Cleo Carter Support Agent
dan Dan Dyer Support Agent
eve Eve Eaton Support Agent
finn Finn Fisher Support Agent
gwen Gwen Glover Sales Lead
hal Hal Hunter Sales Manager
ida Ida Ibsen Sales Manager
jon Jon Joiner Sales Manager
kim Kim Kellogg Sales Manager
leo Leo Lister Engineering Lead
mia Mia Mason Engineering Developer
ned Ned Naylor Engineering Developer
ola Ola Osler Engineering Developer
pam Pam Potter Engineering Developer
quin Quin Quiller Finance Lead
rob Rob Reeve Finance Controller
sue Sue Sawyer Legal Counsel
tom Tom Tyler Legal Counsel
PEOPLE
}

company_ldif() {
  printf 'dn: dc=acme,dc=test\nobjectClass: dcObject\nobjectClass: organization\ndc: acme\no: Acme\n\n'
  printf 'dn: cn=sync,dc=acme,dc=test\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: sync\nuserPassword: sync-password\n\n'
  printf 'dn: ou=%s,dc=acme,dc=test\nobjectClass: organizationalUnit\n\n' people groups
  company | while read -r uid given family department title; do
    printf 'dn: uid=%s,ou=people,dc=acme,dc=test\nobjectClass: inetOrgPerson\nuid: %s\n' "$uid" "$uid"
    printf 'givenName: %s\nsn: %s\ncn: %s %s\nmail: %s.%s@acme.test\n' "$given" "$family" "$given" "$family" "$uid" "${family,,}"
    printf 'departmentNumber: %s\ntitle: %s\n\n' "$department" "$title"
  done
  for group in support sales engineering leads; do
    printf 'dn: cn=team-%s,ou=groups,dc=acme,dc=test\nobjectClass: groupOfNames\ncn: team-%s\n' "$group" "$group"
    company | while read -r uid _ _ department title; do
      [[ ${department,,} != "$group" && ${title,,}s != "$group" ]] || printf 'member: uid=%s,ou=people,dc=acme,dc=test\n' "$uid"
    done
    printf '\n'
  done
}

# The server's configuration: what the sync's account may read below ou=people is the argument.
slapd_conf() {
  local schema
  for schema in core cosine inetorgperson; do echo "include $openldap/schema/$schema.schema"; done
  cat <<CONF
modulepath $openldap/modules
moduleload back_mdb
moduleload refint
pidfile $work/slapd.pid
argsfile $work/slapd.args
database mdb
directory $work/ldap
suffix "dc=acme,dc=test"
rootdn "cn=admin,dc=acme,dc=test"
rootpw admin
overlay refint
refint_attributes member
access to attrs=userPassword by anonymous auth by * none
$1
access to * by dn.exact="cn=sync,dc=acme,dc=test" read by * none
CONF
}

start_ldap() {
  start slapd "$(tool slapd)" -d none -f "$1" -h "ldap://127.0.0.1:$ldap_port/"
  slapd_pid=${pids[-1]}
  until_ready slapd "$(tool ldapsearch)" "${ldap_admin[@]}" -H "ldap://127.0.0.1:$ldap_port" -b '' -s base
}

stop_ldap() {
  kill "$slapd_pid"
  wait "$slapd_pid" 2>/dev/null || true
}

ldapmodify() { "$(tool ldapmodify)" "${ldap_admin[@]}" -H "ldap://127.0.0.1:$ldap_port" -v 2>/dev/null | grep -E '^(modifying|deleting|adding)'; }

# --- the platform, as its API shows it -------------------------------------------------------------------------------

platform() { curl --silent --show-error --fail --header 'Authorization: Bearer platform-token' "$platform_url/v1/$1" "${@:2}"; }
platform_create() { platform "$1" --header 'Content-Type: application/json' --data "$2"; }

# Objects of a list, one a line, as FIELD<tab>FIELD. It reads the reference server's compact JSON, not just any.
fields() {
  tr -d '\n' | sed 's/},{"\(id\|container\)"/}\n{"\1"/g' | while IFS= read -r object || [[ -n $object ]]; do
    local line='' field
    for field in "$@"; do
      line+=$(sed -n 's/.*[{,]"'"$field"'":"\{0,1\}\([^",}]*\).*/\1/p' <<<"$object")$'\t'
    done
    printf '%s\n' "${line%$'\t'}"
  done
}

# Prints every team and inbox with its people, then who is not active.
show_platform() {
  platform 'users?limit=1000' | fields id email active | sort >"$work/users"
  local kind path
  for kind in team inbox; do
    path=${kind/inbox/inboxe}s
    platform "$path?limit=1000" | fields id name | sort -t $'\t' -k 2 >"$work/containers"
    platform "memberships?kind=$kind&limit=1000" | fields container user >"$work/memberships"
    while IFS=$'\t' read -r id name; do
      [[ -n $id ]] || continue
      printf '  %-22s %s\n' "$kind $name" "$(members_of "$id")"
    done <"$work/containers"
  done
  printf '  %-22s %s\n' 'not active' "$(awk -F '\t' '$3 == "false" { print $2 }' "$work/users" | names)"
}
members_of() { awk -F '\t' -v id="$1" 'NR == FNR { if ($1 == id) in_it[$2]; next } $1 in in_it { print $2 }' "$work/memberships" "$work/users" | names; }
names() {
  local all
  all=$(sed 's/\..*//' | awk '{ print toupper(substr($0, 1, 1)) substr($0, 2) }' | sort | paste -sd ' ' -)
  echo "${all:-nobody}"
}

# Prints what differs from the last time.
show_difference() {
  show_platform >"$work/after"
  if diff "$work/before" "$work/after" >"$work/difference"; then
    say '  (no difference)'
  else
    sed -n 's/^< /-/p; s/^> /+/p' "$work/difference" | sort -k 2,3 -k 1,1r
  fi
  cp "$work/after" "$work/before"
}

# --- the operator ----------------------------------------------------------------------------------------------------

# Asks for a sync, and waits until it is done.
sync_now() {
  local now
  now=$(date +%s)-$RANDOM
  shown "kubectl annotate dirconn/acme directory-sync.io/requestedAt=$now --overwrite"
  kubectl annotate dirconn/acme directory-sync.io/requestedAt="$now" --overwrite >/dev/null
  kubectl wait --for=jsonpath='{.status.lastHandledReconcileAt}'="$now" dirconn/acme --timeout=60s >/dev/null || explain
}

explain() {
  kubectl get dirconn/acme -o yaml >&2 || true
  tail -n 30 "$work/controller.log" >&2
  fail 'the connection did not get there'
}

# =====================================================================================================================

chapter 'A company, a platform and an API server'
start_kubernetes
mkdir "$work/ldap"
slapd_conf '' >"$work/slapd.conf"
# A mistake that is easily made, for later: a rule after which the sync's account sees the people of A to J alone.
slapd_conf 'access to dn.regex="^uid=[k-z][a-z]*,ou=people,dc=acme,dc=test$" by * none' >"$work/slapd-half.conf"
company_ldif | "$(tool slapadd)" -q -f "$work/slapd.conf" >"$work/slapadd.log" 2>&1 || { cat "$work/slapadd.log" >&2; fail 'the company cannot be loaded'; }
ldap_port=$(free_port)
start_ldap "$work/slapd.conf"
echo 'platform-token' >"$work/token"
start platform "$binary" platform serve --listen 127.0.0.1:0 --database "$work/platform.db" --token-file "$work/token"
until_ready platform grep -q '^serving' "$work/platform.log"
platform_url=$(sed -n 's/^serving the platform on //p' "$work/platform.log")
platform_create inboxes '{"name":"EMEA Support","phoneNumber":"+442071234567"}' >/dev/null
platform_create users '{"email":"Ann.Archer@acme.test","givenName":"Ann"}' >/dev/null
platform_create users '{"email":"guest@partner.test","givenName":"Guest"}' >/dev/null
say "Kubernetes    $(kubectl version -o yaml | sed -n '/^serverVersion/,$s/^  gitVersion: //p')"
say "OpenLDAP      20 people, 4 groups"
say "the platform  one inbox; two users made by hand: Ann, and a guest whom the company does not know"

chapter 'The kinds, the operator, and a connection'
shown 'directory-sync crds | kubectl apply --server-side -f -'
"$binary" crds | kubectl apply --server-side -f -
kubectl wait --for=condition=Established crd --all --timeout=30s >/dev/null
http_port=$(free_port)
shown "directory-sync controller --allow-loopback --allow-insecure &"
start controller "$binary" controller --http-listen "127.0.0.1:$http_port" --allow-loopback --allow-insecure
until_ready controller curl --silent --fail "http://127.0.0.1:$http_port/readyz"

kubectl create namespace acme >/dev/null
cat >"$work/acme.yaml" <<YAML
apiVersion: directory-sync.io/v1alpha1
kind: DirectoryConnection
metadata:
  name: acme
spec:
  provider:
    ldap:
      url: ldap://127.0.0.1:$ldap_port
      tls: { mode: Disabled }
      baseDN: dc=acme,dc=test
      auth: { simple: { bindDN: "cn=sync,dc=acme,dc=test", passwordSecretRef: { name: ldap, key: password } } }
  platform:
    rest:
      url: $platform_url
      tls: { mode: Disabled }
      auth: { bearer: { tokenSecretRef: { name: platform, key: token } } }
  attributes:
    - { name: department, expression: user.department }
  defaults: { role: { name: member } }
---
apiVersion: directory-sync.io/v1alpha1
kind: GroupMapping
metadata:
  name: teams
spec:
  connectionRef: { name: acme }
  group: { nameRegex: "team-(support|sales|engineering)" }
  team: { nameExpression: 'group.name.replace("team-", "")', create: true }
---
apiVersion: directory-sync.io/v1alpha1
kind: GroupMapping
metadata:
  name: leads
spec:
  connectionRef: { name: acme }
  group: { name: team-leads }
  team: { name: leads, create: true }
  role: { name: agent }
---
apiVersion: directory-sync.io/v1alpha1
kind: GroupMapping
metadata:
  name: support-inbox
spec:
  connectionRef: { name: acme }
  group: { memberExpression: user.department == "Support" }
  inboxes: [{ phoneNumber: "+442071234567" }]
YAML
cat >"$work/secrets.yaml" <<YAML
apiVersion: v1
kind: Secret
metadata: { name: ldap }
stringData: { password: sync-password }
---
apiVersion: v1
kind: Secret
metadata: { name: platform }
stringData: { token: platform-token }
YAML
say
sed 's/^/  /' "$work/acme.yaml"
say
kubectl apply -f "$work/secrets.yaml" >/dev/null
shown 'kubectl apply -f acme.yaml'
kubectl apply -f "$work/acme.yaml"
run kubectl wait --for=condition=Ready dirconn/acme --timeout=60s || explain

chapter 'Everybody is there'
run kubectl get dirconn,gmap
say
show_platform | tee "$work/before"
say
say 'Ann, whom somebody had made by hand, was adopted: same user, same id. The guest is nobody of ours and is left alone.'
say 'Finance and Legal have no group of their own: of them only Quin came, with the leads.'
say
run kubectl events --for dirconn/acme

chapter 'Ben leaves the company, Cleo moves from Support to Sales'
ldapmodify <<LDIF
dn: uid=ben,ou=people,dc=acme,dc=test
changetype: delete

dn: uid=cleo,ou=people,dc=acme,dc=test
changetype: modify
replace: departmentNumber
departmentNumber: Sales

dn: cn=team-support,ou=groups,dc=acme,dc=test
changetype: modify
delete: member
member: uid=cleo,ou=people,dc=acme,dc=test

dn: cn=team-sales,ou=groups,dc=acme,dc=test
changetype: modify
add: member
member: uid=cleo,ou=people,dc=acme,dc=test
LDIF
sync_now
say
show_difference
say
say 'Ben keeps his user, his id and his data; he is not active any more.'
say
run kubectl events --for dirconn/acme

chapter 'Nothing changed: a sync writes nothing'
sync_now
shown "kubectl get dirconn/acme -o jsonpath='{.status.lastSync.outcome}'"
kubectl get dirconn/acme -o jsonpath='{.status.lastSync.outcome}{"\n"}'

chapter 'Half of the company vanishes'
say "A new access rule hides K to Z from the sync's account. The directory answers without any error, as if they had left."
stop_ldap
start_ldap "$work/slapd-half.conf"
sync_now
kubectl wait --for=condition=Held dirconn/acme --timeout=60s >/dev/null || explain
say
run kubectl get dirconn,splan
say
plan=$(kubectl get dirconn/acme -o jsonpath='{.status.heldPlan.name}')
run kubectl describe "splan/$plan"
say
say 'Nothing was written. On the platform:'
show_difference
say
say 'If they really had left, this would approve the plan, and only this one:'
shown "kubectl patch splan/$plan --type=merge -p '{\"spec\":{\"decision\":\"Approved\",\"decidedBy\":\"ann\"}}'"

chapter 'The rule is taken back'
stop_ldap
start_ldap "$work/slapd.conf"
sync_now
kubectl wait --for=condition=Held=False dirconn/acme --timeout=60s >/dev/null || explain
run kubectl get dirconn,splan
say
say "Nobody lost anything. That was it, in $((SECONDS - begun)) s; everything that ran is stopped and removed now."
say 'Next: README.md and docs/getting-started.md.'
