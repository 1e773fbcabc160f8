#!/bin/bash
# Installs Ringbridge, brings it up to date, and removes it. Run it as root; run it again whenever you like.
#
#   install.sh                    the wheel beside this script, else the newest one that pip finds
#   install.sh --from SOURCE      a wheel, a folder that holds one, or what pip is to find (ringbridge==1.2)
#
#   --upgrade           put another version in the place of the installed one; comes back by itself if it is not well
#   --offline           every package that is needed lies in SOURCE's folder: ask no package index
#   --listen ADDRESS    where the page listens: 127.0.0.1 (this machine only), 0.0.0.0 (every address), or one of its own
#   --with-ami          where Asterisk runs here: add the manager user that Ringbridge needs
#   --no-admin          make no account for the page
#   --python-from WHERE the folder or address of the Python that is brought where the system has none new enough
#   --wait SECONDS      how long a new version may take until it is well (60)
#   --uninstall         remove the program; calls and configuration stay
#   --purge             with --uninstall: remove them too
#
# Program: /opt/ringbridge/VERSION, `current` points to the one in use. Configuration: /etc/ringbridge. Calls:
# /var/lib/ringbridge. It runs as the user ringbridge. docs/howto/install.md says where it was tried and where not.
set -euo pipefail
umask 022

OPT=/opt/ringbridge ETC=/etc/ringbridge VAR=/var/lib/ringbridge
ACCOUNT=ringbridge
COMMAND=/usr/local/bin/ringbridge
UNIT=/etc/systemd/system/ringbridge.service
ASTERISK=/etc/asterisk

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]:-$0}")")
source='' offline='' listen='' with_ami='' no_admin='' upgrade='' uninstall='' purge='' python_from='' patience=60

say() { echo "ringbridge: $*"; }
refuse() { echo "ringbridge: $*" >&2; exit 1; }

read_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --from) source=${2:?--from needs a wheel, a folder or a name}; shift ;;
      --listen) listen=${2:?--listen needs an address}; shift ;;
      --python-from) python_from=${2:?--python-from needs a folder or an address}; shift ;;
      --wait) patience=${2:?--wait needs seconds}; shift ;;
      --upgrade) upgrade=yes ;;
      --offline) offline=yes ;;
      --with-ami) with_ami=yes ;;
      --no-admin) no_admin=yes ;;
      --uninstall) uninstall=yes ;;
      --purge) purge=yes ;;
      -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
      *) refuse "what is $1? install.sh --help tells what there is" ;;
    esac
    shift
  done
  [ -z "$purge" ] || [ -n "$uninstall" ] || refuse "--purge goes with --uninstall"
  [[ $patience =~ ^[0-9]+$ ]] || refuse "--wait takes whole seconds, not $patience"
  [[ $listen =~ ^[0-9A-Za-z.:-]*$ ]] || refuse "$listen is no address to listen on"
}

# --- Python ----------------------------------------------------------------------------------------------------------

# For a system without a Python that is new enough: the whole of CPython in one archive. It runs wherever glibc is 2.17 or
# newer; the packages that Ringbridge needs are built for 2.28 and newer. Address and digests are those that uv 0.13.9
# carries in crates/uv-python-managed/download-metadata.json.
PYTHON_VERSION=3.13.18 PYTHON_RELEASE=20261110
PYTHON_ADDRESS=https://github.com/astral-sh/python-build-standalone/releases/download/$PYTHON_RELEASE
PYTHON_LIBRARY='glibc 2.28'
declare -A PYTHON_DIGEST=(
  [x86_64]=f2d2199eb25880e07863b391cf7124e7ffa1338b0d65600dfcec117c4223a7fb
  [aarch64]=55c00325f7c1fddf325dfc621aabdfbbac4dc54adda224af88ec411dc12db239
)

will_do() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() { # prints the first that will do: the system's, which its updates reach, before one that was brought
  local name
  for name in python3 python3.13 python3.12 python3.11 python3.14 "$OPT/python/$PYTHON_VERSION/bin/python3"; do
    if will_do "$name"; then
      command -v "$name"
      return
    fi
  done
  return 1
}

system_packages() { # names, in the order of preference, one set a line; what is too old is not among them
  if command -v apt-get >/dev/null; then
    local name offered
    for name in python3 python3.12 python3.11; do
      offered=$(apt-cache policy "$name" 2>/dev/null | sed -n 's/^ *Candidate: //p')
      ! dpkg --compare-versions "${offered/(none)/}" ge 3.11.1 || echo "$name $name-venv"
    done
  elif command -v dnf >/dev/null; then
    printf '%s\n' 'python3.12' 'python3.11'
  fi
}

install_package() { # names; what went wrong is shown
  local said
  if command -v apt-get >/dev/null; then
    said=$(DEBIAN_FRONTEND=noninteractive apt-get --option DPkg::Lock::Timeout=120 install -qq --yes \
      --no-install-recommends "$@" 2>&1 >/dev/null)
  else
    said=$(dnf install --quiet --assumeyes "$@" 2>&1)
  fi || { tail -n 5 <<<"$said" | sed 's/^/    /'; return 1; }
}

bring_python() {
  python=$(find_python) && return
  say "no Python 3.11 or newer with venv here: looking for one among the system's packages"
  command -v apt-get >/dev/null && apt-get update -qq >/dev/null 2>&1 || true
  local names
  while read -r names; do
    # shellcheck disable=SC2086 # several names
    install_package $names </dev/null && python=$(find_python) && say "installed $names" && return
  done < <(system_packages)
  bring_archive
}

bring_archive() { # sets python
  local machine library archive digest place
  machine=$(uname -m)
  library=$(getconf GNU_LIBC_VERSION 2>/dev/null) || true
  printf '%s\n' "$PYTHON_LIBRARY" "$library" | sort -V -C ||
    refuse_python "and one that is brought needs $PYTHON_LIBRARY or newer; here is ${library:-another C library}"
  archive=cpython-$PYTHON_VERSION+$PYTHON_RELEASE-$machine-unknown-linux-gnu-install_only_stripped.tar.gz
  digest=${PYTHON_DIGEST[$machine]:-}
  [ -n "$digest" ] || refuse_python "and for $machine there is none to be brought"
  find_archive "$archive" || refuse_python "and $archive could be had neither beside install.sh nor from" \
    "$(python_address). Fetch it on another machine, put it beside install.sh and run this again"
  [ "$(sha256sum <"$work/$archive" | cut -d' ' -f1)" = "$digest" ] ||
    refuse_python "and the $archive that was found is not the right one: its SHA-256 has to be $digest"
  say "bringing Python $PYTHON_VERSION into $OPT/python"
  place=$OPT/python/$PYTHON_VERSION
  rm -rf "$place" "$place.new"
  mkdir -p "$place.new"
  tar --extract --gzip --no-same-owner --strip-components 1 --file "$work/$archive" --directory "$place.new"
  if ! will_do "$place.new/bin/python3"; then
    rm -rf "$place.new"
    refuse_python "and the one that was brought does not run here"
  fi
  mv "$place.new" "$place"
  python=$place/bin/python3
}

python_address() { if [[ $python_from == *://* ]]; then echo "$python_from"; else echo "$PYTHON_ADDRESS"; fi; }

find_archive() { # name: into $work, from a folder that may have it, else by the network
  local folder
  for folder in "$python_from" "$source" "$here"; do
    if [ -n "$folder" ] && [ -r "$folder/$1" ]; then
      cp "$folder/$1" "$work/"
      return
    fi
  done
  [ -z "$offline" ] || [[ $python_from == *://* ]] || return 1
  say "fetching Python $PYTHON_VERSION from $(python_address)"
  download "$(python_address)/${1/+/%2B}" "$work/$1"
}

download() { # address file
  if command -v curl >/dev/null; then
    curl --fail --silent --show-error --location --retry 3 --output "$2" "$1"
  else
    wget --no-verbose --tries 3 --output-document "$2" "$1"
  fi
}

refuse_python() { # why no other could be brought
  refuse "this system has no Python 3.11 or newer with venv, none came from its packages, $*. Or install one" \
    "yourself, or put Ringbridge on another machine beside the PBX: Debian 12 and newer have what it needs."
}

# --- What is to be installed -----------------------------------------------------------------------------------------

newest_wheel() { # folder
  [ ! -d "$1" ] || find "$1" -maxdepth 1 -name 'ringbridge-*.whl' -printf '%p\n' | sort -V | tail -1
}

fetch_wheel() { # sets wheel, version and, where packages lie beside it, links
  links=''
  if [ -z "$source" ] && [ -n "$(newest_wheel "$here")" ]; then source=$here; fi
  if [ -d "$source" ]; then
    wheel=$(newest_wheel "$source")
    [ -n "$wheel" ] || wheel=$(newest_wheel "$source/dist")
    [ -n "$wheel" ] || refuse "$source holds no ringbridge-*.whl. In a checkout 'make package' puts one into dist/."
    links=$(dirname "$wheel")
  elif [[ $source == *.whl ]]; then
    wheel=$source
    [ -r "$wheel" ] || refuse "$wheel cannot be read"
    links=$(dirname "$wheel")
  else
    [ -z "$offline" ] || refuse "--offline needs --from a folder that holds all packages"
    "$python" -m venv "$work/pip"
    "$work/pip/bin/pip" --disable-pip-version-check download --quiet --no-deps --only-binary :all: \
      --dest "$work" "${source:-ringbridge}" || refuse "pip found no package ${source:-ringbridge}: name a wheel with --from"
    wheel=$(newest_wheel "$work")
  fi
  version=$(basename "$wheel")
  version=${version#ringbridge-} version=${version%%-*}
  [[ $version =~ ^[0-9][0-9A-Za-z.+!]*$ ]] || refuse "$(basename "$wheel") is not named as a wheel is"
}

installed_version() { [ -L "$OPT/current" ] && readlink "$OPT/current"; }

# One that was left half made lacks the file `ready`. One that was made with a Python that the system has replaced since
# (Debian 12 has become 13) finds nothing of its own. Both are made anew.
is_whole() { [ -e "$OPT/$1/ready" ] && "$OPT/$1/bin/python" -c 'import ringbridge' 2>/dev/null; }

make_environment() {
  ! is_whole "$version" || return 0
  say "installing version $version into $OPT/$version (a minute or so)"
  rm -rf "${OPT:?}/$version"
  mkdir -p "$OPT"
  "$python" -m venv "$OPT/$version"
  local pip=("$OPT/$version/bin/python" -m pip --disable-pip-version-check install --quiet --no-cache-dir)
  [ -z "$offline" ] || pip+=(--no-index)
  [ -z "$links" ] || pip+=(--find-links "$links")
  # The wheel carries the list of all it needs, each with its digest: nothing else is taken.
  if ! "${pip[@]}" --no-deps "$wheel" ||
    ! "${pip[@]}" --require-hashes --requirement "$(inside requirements.lock)"; then
    rm -rf "${OPT:?}/$version"
    refuse "version $version could not be installed, see above. Nothing was changed."
  fi
  touch "$OPT/$version/ready"
}

inside() { # file: where the version being installed keeps what is for the installer
  echo "$OPT/$version"/lib/python3*/site-packages/ringbridge/deploy/"$1"
}

# --- User, folders, configuration ------------------------------------------------------------------------------------

make_account() {
  id -u "$ACCOUNT" >/dev/null 2>&1 ||
    useradd --system --user-group --home-dir "$VAR" --no-create-home --shell /usr/sbin/nologin "$ACCOUNT"
  # Recordings belong to the PBX, and its group may read them.
  if getent group asterisk >/dev/null && ! id -nG "$ACCOUNT" | grep -qw asterisk; then
    usermod --append --groups asterisk "$ACCOUNT"
    say "the user $ACCOUNT is now in the group asterisk, to read recordings"
  fi
  install -d -m 0750 -o root -g "$ACCOUNT" "$ETC"
  install -d -m 0750 -o "$ACCOUNT" -g "$ACCOUNT" "$VAR"
}

configure() {
  if [ ! -e "$ETC/ringbridge.toml" ]; then
    write "$ETC/ringbridge.toml" <<TOML
# What Ringbridge has to know before its database is open. Restart it after a change.
host = "${listen:-127.0.0.1}"   # 0.0.0.0 listens on every address of this machine
port = 8077
TOML
  elif [ -n "$listen" ]; then
    sed -i "s/^host *=.*/host = \"$listen\"/" "$ETC/ringbridge.toml"
    grep -q '^host *=' "$ETC/ringbridge.toml" || sed -i "1i host = \"$listen\"" "$ETC/ringbridge.toml"
  fi
}

write() { # file: standard input, where it differs, readable by us and Ringbridge only
  local fresh
  fresh=$(mktemp "$1.XXXXXX")
  cat >"$fresh"
  if cmp -s "$fresh" "$1"; then rm "$fresh"; else chmod 0640 "$fresh"; chgrp "$ACCOUNT" "$fresh"; mv "$fresh" "$1"; fi
}

as_account() { echo "setpriv --reuid $ACCOUNT --regid $ACCOUNT --init-groups --"; }

# The command, as the user whom the files belong to, whoever calls it.
make_command() {
  local text
  text=$(cat <<SH
#!/bin/sh
# Ringbridge's command line, run as the user whom its files belong to.
[ "\$(id -u)" = 0 ] || exec $OPT/current/bin/ringbridge "\$@"
exec $(as_account) $OPT/current/bin/ringbridge "\$@"
SH
  )
  [ "$text" = "$(cat "$COMMAND" 2>/dev/null)" ] || { mkdir -p "$(dirname "$COMMAND")"; echo "$text" >"$COMMAND"; }
  chmod 0755 "$COMMAND"
}

switch_to() { # version: the link, what goes with it, and the unit
  ln -sfn "$1" "$OPT/current.new"
  mv -T "$OPT/current.new" "$OPT/current"
  version=$1
  write "$ETC/office.example.toml" <"$(inside office.example.toml)"
  mkdir -p "$(dirname "$UNIT")"
  cmp -s "$(inside ringbridge.service)" "$UNIT" || install -m 0644 "$(inside ringbridge.service)" "$UNIT"
  ! has_systemd || systemctl daemon-reload
}

# --- The service -----------------------------------------------------------------------------------------------------

has_systemd() { [ -d /run/systemd/system ]; }

# The address that the page listens on, for somebody on this machine. By the environment's Python alone: the version
# that is tried may be broken.
page() {
  "$OPT/current/bin/python" - "$ETC/ringbridge.toml" <<'PY'
import sys, tomllib
with open(sys.argv[1], "rb") as file:
    read = tomllib.load(file)
host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(read.get("host", ""), read.get("host", "127.0.0.1"))
print("http://" + (f"[{host}]" if ":" in host else host) + f":{read.get('port', 8077)}")
PY
}

is_well() {
  "$OPT/current/bin/python" - "$(page)/healthz" <<'PY' 2>/dev/null
import sys, urllib.request
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
sys.exit(direct.open(sys.argv[1], timeout=3).read() != b"ok")
PY
}

start_service() {
  if has_systemd; then
    systemctl enable --quiet ringbridge
    systemctl restart ringbridge
  else # tried for a moment, and stopped again
    # shellcheck disable=SC2046 # several words
    $(as_account) "$OPT/current/bin/ringbridge" run >"$VAR/trial.log" 2>&1 </dev/null 9>&- &
    trial=$!
  fi
}

stop_service() {
  if has_systemd; then
    systemctl stop ringbridge 2>/dev/null || true
  elif [ -n "${trial:-}" ]; then
    kill "$trial" 2>/dev/null || true
    wait "$trial" 2>/dev/null || true
    trial=''
  fi
}

becomes_well() {
  local end=$((SECONDS + patience))
  while [ $SECONDS -lt $end ]; do
    ! is_well || return 0
    [ -z "${trial:-}" ] || kill -0 "$trial" 2>/dev/null || return 1
    sleep 0.5
  done
  return 1
}

why_not_well() {
  if has_systemd; then journalctl --quiet --no-pager --lines 15 --unit ringbridge; else tail -n 15 "$VAR/trial.log"; fi
}

# --- Going back ------------------------------------------------------------------------------------------------------

schema() { # of the database; empty where there is none
  "$OPT/$1/bin/python" - "$VAR/ringbridge.db" <<'PY' 2>/dev/null || true
import pathlib, sqlite3, sys
if pathlib.Path(sys.argv[1]).exists():
    print(sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute("SELECT version_num FROM alembic_version").fetchone()[0])
PY
}

wanted_schema() { # of a version, without running anything of it but this number
  "$OPT/$1/bin/python" -c 'from ringbridge.migrations import HEAD; print(HEAD)' 2>/dev/null || true
}

# An older version does not open a newer one's database. While nothing runs, three files are all of it.
keep_database() {
  rm -rf "$VAR/before"
  [ -e "$VAR/ringbridge.db" ] && [ "$(schema "$previous")" != "$(wanted_schema "$version")" ] || return 0
  say "keeping a copy of the database in $VAR/before"
  install -d -m 0700 -o "$ACCOUNT" -g "$ACCOUNT" "$VAR/before"
  cp -p --reflink=auto "$VAR"/ringbridge.db* "$VAR/before/" || {
    rm -rf "$VAR/before"
    return 1
  }
}

put_database_back() {
  [ -e "$VAR/before/ringbridge.db" ] && [ "$(schema "$previous")" != "$schema_before" ] || return 0
  rm -f "$VAR"/ringbridge.db*
  cp -p "$VAR"/before/ringbridge.db* "$VAR/"
  say "the database is again as it was before; calls of the last minutes come from the PBX's records (cdr)"
}

go_back() {
  say "version $version is not well after $patience seconds at most; the last that it said:"
  why_not_well | sed 's/^/    /'
  stop_service
  local failed=$version
  put_database_back
  switch_to "$previous"
  start_service
  if becomes_well; then
    [ -z "${trial:-}" ] || stop_service
    rm -rf "${OPT:?}/$failed"
    refuse "went back to version $previous, which is well. Version $failed was removed again."
  fi
  stop_service
  refuse "went back to version $previous, and it is not well either: look at the log, then run this again."
}

# --- Asterisk --------------------------------------------------------------------------------------------------------

ami_section() { # secret
  cat <<CONF
; Ringbridge. The least rights that it works with; docs/howto/connect-asterisk.md says what each is for.
[ringbridge]
secret = $1
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
read = system,call,agent,user,cdr
write = call,originate,reporting
writetimeout = 5000
; Ringbridge, end.
CONF
}

# Which of the PBX's files takes our user: FreePBX and its kin make manager.conf themselves and leave manager_custom.conf
# to people; Debian's reads a folder.
ami_file() {
  local main=$ASTERISK/manager.conf
  if grep -Eqs '^#(try)?include +"?manager_custom\.conf' "$main"; then
    echo "$ASTERISK/manager_custom.conf"
  elif grep -Eqs '^#(try)?include +"?manager\.d/' "$main"; then
    echo "$ASTERISK/manager.d/ringbridge.conf"
  fi
}

asterisk_user() {
  [ -d "$ASTERISK" ] || return 0
  if grep -qs '^\[ringbridge\]' "$ASTERISK"/manager*.conf "$ASTERISK"/manager.d/*.conf; then return 0; fi
  local file
  file=$(ami_file)
  if [ -z "$with_ami" ] || [ -z "$file" ]; then
    say "Asterisk is here. Ringbridge needs this manager user; ${file:+--with-ami adds it to $file, or }add it yourself:"
    ami_section 'a long random word' | sed 's/^/    /'
    return 0
  fi
  local secret
  secret=$(head -c 24 /dev/urandom | base64 | tr -d '/+=')
  mkdir -p "$(dirname "$file")"
  if [ ! -e "$file" ]; then
    install -m 0640 /dev/null "$file"
    chown --reference "$ASTERISK/manager.conf" "$file"
  fi
  # Our first line has to stand by itself: by it the section is found again.
  [ -z "$(tail -c 1 "$file")" ] || echo >>"$file"
  ami_section "$secret" >>"$file"
  write "$ETC/pbx.toml" <<TOML
# For your office.toml: the manager user that install.sh added to $file.
[[pbx]]
name = "office"
username = "ringbridge"
secret = "$secret"
TOML
  say "added the manager user ringbridge to $file; what to put into office.toml is in $ETC/pbx.toml"
  # Not `fwconsole reload`: that puts into force too what somebody has left half done in FreePBX's pages.
  asterisk -rx 'manager reload' >/dev/null 2>&1 || say "Asterisk does not answer: when it runs, asterisk -rx 'manager reload'"
}

remove_asterisk_user() {
  local file=$ASTERISK/manager_custom.conf
  rm -f "$ASTERISK/manager.d/ringbridge.conf"
  ! grep -qs '^; Ringbridge, end\.$' "$file" || sed -i --follow-symlinks '/^; Ringbridge\. The least/,/^; Ringbridge, end\.$/d' "$file"
  [ ! -d "$ASTERISK" ] || asterisk -rx 'manager reload' >/dev/null 2>&1 || true
}

# --- The three things it does ----------------------------------------------------------------------------------------

first_account() {
  [ -z "$no_admin" ] && [ -z "$("$COMMAND" user list 2>/dev/null)" ] || return 0
  say "an account for the page, shown this once:"
  "$COMMAND" user add admin --role admin --generate | sed 's/^/    /'
}

tell_the_end() {
  say "version $version is installed and well. The page: $(page)"
  if has_systemd; then
    echo "    systemctl status ringbridge     journalctl -u ringbridge"
  else
    echo "    There is no systemd here (a container?): start it yourself, and at every start of the machine, with"
    echo "    $(as_account) $OPT/current/bin/ringbridge run"
  fi
  echo "    Next: log in and follow /config/master, step by step. Or copy $ETC/office.example.toml to"
  echo "    $ETC/office.toml, describe your office, and: ringbridge config import $ETC/office.toml"
}

runs_by_hand() { ! has_systemd && [ -L "$OPT/current" ] && is_well; }

fresh_install() {
  make_environment
  make_account
  configure
  switch_to "$version"
  make_command
  first_account
  asterisk_user
  start_service
  if ! becomes_well; then
    why_not_well | sed 's/^/    /' >&2
    stop_service
    refuse "version $version is installed, and not well: see above. What is there stays; run this again."
  fi
  [ -z "${trial:-}" ] || stop_service
  tell_the_end
}

same_again() {
  make_environment
  make_account
  configure
  switch_to "$version"
  make_command
  asterisk_user
  if ! is_well || [ -n "$listen" ]; then
    ! runs_by_hand || refuse "Ringbridge runs already: stop it, so that it can be started with what was changed"
    start_service
    becomes_well || { why_not_well >&2; refuse "version $version is installed, and not well: see above"; }
    [ -z "${trial:-}" ] || stop_service
  fi
  say "version $version is installed and well; there was nothing else to do"
}

to_another_version() {
  ! runs_by_hand || refuse "Ringbridge runs, and not by systemd: stop it, then run this again"
  make_environment
  make_account
  stop_service
  schema_before=$(schema "$previous")
  keep_database || { start_service; refuse "there is no room for a copy of the database: nothing was changed"; }
  switch_to "$version"
  make_command
  start_service
  becomes_well || go_back
  [ -z "${trial:-}" ] || stop_service
  remove_versions_but "$version" "$previous"
  say "version $version is in the place of $previous, and well. The page: $(page)"
}

remove_versions_but() {
  local folder
  for folder in "$OPT"/*/; do
    case $(basename "$folder") in current | python | "$1" | "$2") ;; *) rm -rf "$folder" ;; esac
  done
  for folder in "$OPT"/python/*/; do # that no version was made with
    grep -qs "^home = ${folder}bin$" "$OPT"/*/pyvenv.cfg || rm -rf "$folder"
  done
}

remove() {
  ! runs_by_hand || refuse "Ringbridge runs, and not by systemd: stop it, then run this again"
  if has_systemd; then
    systemctl disable --quiet --now ringbridge 2>/dev/null || true
  fi
  rm -f "$UNIT" "$COMMAND"
  ! has_systemd || systemctl daemon-reload
  rm -rf "$OPT"
  if [ -z "$purge" ]; then
    say "removed. Calls stay in $VAR, the configuration in $ETC: --uninstall --purge removes them too"
    return
  fi
  remove_asterisk_user
  rm -rf "$ETC" "$VAR"
  ! id -u "$ACCOUNT" >/dev/null 2>&1 || userdel "$ACCOUNT"
  say "removed, with all calls and the configuration"
}

main() {
  read_arguments "$@"
  [ "$(id -u)" = 0 ] || refuse "run it as root"
  [ "$(uname -s)" = Linux ] || refuse "this is for Linux"
  mkdir -p /run/lock
  exec 9>/run/lock/ringbridge-install
  flock -n 9 || refuse "another install.sh is at work"
  if [ -n "$uninstall" ]; then
    remove
    return
  fi
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  bring_python
  fetch_wheel
  previous=$(installed_version) || previous=''
  case $previous in
    '') fresh_install ;;
    "$version") same_again ;;
    *)
      [ -n "$upgrade" ] ||
        refuse "version $previous is installed. To put $version in its place: install.sh --upgrade"
      to_another_version
      ;;
  esac
}

main "$@"
