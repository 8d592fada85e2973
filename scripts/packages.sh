# Sourced by scripts that need Debian packages beyond the JDK and Maven: need_packages NAME... installs what is missing where
# it can (root, apt-get), names it where it cannot. With CI=true a missing one is a failure.
# shellcheck shell=bash

need_packages() {
  local missing=() package
  for package; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Debian packages: ${missing[*]}" >&2
    if { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "${missing[@]}"; } \
      >/dev/null 2>&1; then
      return 0
    fi
    echo "apt-get could not install: ${missing[*]}" >&2
  fi
  echo "Missing Debian packages: ${missing[*]} (apt-get install ${missing[*]}); what needs them is left out." >&2
  [ "${CI:-}" != true ] || exit 1
}
