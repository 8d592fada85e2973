# Sourced by the other scripts: sets root (the project's folder) and JAVA_HOME (a JDK 25 or newer), or says what to install.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# From the JDK's release file, since asking java itself costs a tenth of a second.
java_major() {
  local line
  while read -r line; do
    case $line in JAVA_VERSION=\"*) line=${line#*\"}; echo "${line%%[!0-9]*}"; return ;; esac
  done 2>/dev/null <"$1/release"
  "$1/bin/java" -version 2>&1 | sed -n '1s/.*version "\([0-9]*\).*/\1/p'
}

find_jdk() {
  local candidate major path_javac
  path_javac=$(readlink -f "$(command -v javac || true)")
  for candidate in "${JAVA_HOME:-}" "${path_javac%/bin/javac}" /usr/lib/jvm/*; do
    [ -n "$candidate" ] && [ -x "$candidate/bin/javac" ] || continue
    major=$(java_major "$candidate")
    if [ "${major:-0}" -ge 25 ]; then
      echo "$candidate"
      return 0
    fi
  done
  return 1
}

if ! JAVA_HOME=$(find_jdk); then
  echo "sanway needs a JDK 25 or newer: install one (for example the package temurin-25-jdk) or point JAVA_HOME at it." >&2
  exit 1
fi
export JAVA_HOME

need_maven() {
  command -v mvn >/dev/null && return 0
  echo "sanway is built with Maven 3.8 or newer: install it (Debian: apt-get install maven)." >&2
  exit 1
}
