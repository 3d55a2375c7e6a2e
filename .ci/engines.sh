#!/usr/bin/env bash
# The console in Chromium, Firefox and WebKit. As root the two that npm does not bring come from the system's packages;
# one that cannot be had is skipped by name.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq || true
  for package in firefox-esr webkit2gtk-driver xvfb; do
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null ||
      echo "$package cannot be installed here"
  done
fi
npm run --silent build
exec node build/run.js engines
