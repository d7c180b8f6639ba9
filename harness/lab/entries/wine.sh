# Wine and a standard library for Windows, in the cache that the scripts of .ci have; and what starts the suite there.
ci=$(cd "$ENTRY/../../../.ci" && pwd)
echo "= Wine, and the standard library for Windows"
"$ci/wine-prepare"
echo "= a first build for Windows"
"$ci/wine-build" >/dev/null
cat >"$PREPARED/run" <<RUN
#!/bin/sh -eu
# Starts the build for Windows in place of the program that is given first.
program=\$(CARGO_NET_OFFLINE=true "$ci/wine-build")
shift
SOCKSPEC_WINE_NETNS=1 exec "$ci/wine-run" "\$program" "\$@"
RUN
chmod +x "$PREPARED/run"
