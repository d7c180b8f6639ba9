# shellcheck shell=bash
# shellcheck disable=SC2034  # used by those who source it
# Shared by the scripts of this folder; source it, do not run it.
#
# Everything slow to make (compiled std, Wine's root, target folders) lives in
# one cache outside the checkout, so that a fresh clone finds it warm.

CACHE=${SOCKSPEC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sockspec}
WORKSPACE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# What a script ends with when this machine cannot do the job at all, as
# opposed to the job having failed (the usual "skipped" code of test runners).
EX_UNAVAILABLE=77

WINDOWS_TARGET=x86_64-pc-windows-gnu
# Debian's compiler, the only one here that comes with std's source of its own
# build. It is never put into PATH: rustup's stays everybody else's rustc.
DEBIAN_RUSTC=/usr/bin/rustc

log() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { log "error: $*"; exit 1; }

# With SOCKSPEC_REQUIRE set, a machine that cannot is a failure like any other.
unavailable() {
    log "================================================================"
    log "NOT AVAILABLE HERE: $*"
    log "================================================================"
    [ -z "${SOCKSPEC_REQUIRE:-}" ] || exit 1
    exit "$EX_UNAVAILABLE"
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# need PACKAGE...: installs those that are missing, or ends with 77.
need() {
    local missing=() p
    for p in "$@"; do installed "$p" || missing+=("$p"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || unavailable "no apt-get to install ${missing[*]}"
    [ "$(id -u)" = 0 ] || unavailable "not root, so cannot install ${missing[*]}"
    apt_update
    log "installing ${missing[*]}"
    # The lock's time-out: another script here may be installing right now.
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=600 "${missing[@]}" </dev/null >&2 ||
        unavailable "apt-get could not install ${missing[*]}"
}

# Once a script run; a new machine has no package lists at all, an old one has
# lists that name files which the mirror no longer keeps.
apt_update() {
    [ -z "${APT_UPDATED:-}" ] || return 0
    # A mirror that is unreachable is only a warning to apt-get; what then is
    # missing shows when something is installed.
    apt-get update -qq -o DPkg::Lock::Timeout=600 </dev/null >&2 || log "apt-get update failed"
    APT_UPDATED=1
}

package_version() { dpkg-query -W -f '${Version}' "$1"; }

# only_one NAME: waits for other runs that build the same thing in the cache.
# The lock goes when this script ends, however it ends.
only_one() {
    mkdir -p "$CACHE"
    exec 9>"$CACHE/$1.lock"
    flock 9
}

# std_folder VERB: where std of Debian's compiler is kept for other targets. The
# key is the compiler's package version: rustc reads only its own build's std.
std_folder() {
    printf '%s/std/%s/%s\n' "$CACHE" "$(package_version rustc-web | tr -c 'A-Za-z0-9.\n' _)" "$1"
}

# target_folder VERB: cargo's target folder for builds with that std. It lives
# and goes with it: cargo does not notice when std below it is another.
target_folder() { printf '%s/target\n' "$(std_folder "$1")"; }

# need_std VERB TARGET...: sees to std for each TARGET in std_folder VERB, made
# with cargo VERB: "check" suffices for type-checking (no linker nor code
# generation), "build" gives what a program can be linked with.
# All later builds are then ordinary stable ones with --sysroot: with
# -Zbuild-std and RUSTC_BOOTSTRAP=1 in each of them, build scripts of crates
# would find a nightly compiler and turn unstable features on.
need_std() {
    local verb=$1 std target todo=() args=() tmp part kind
    shift
    need rustc-web rust-web-src
    command -v cargo >/dev/null || unavailable "no cargo in PATH"
    std=$(std_folder "$verb")
    if std_complete "$std" "$@"; then return 0; fi
    only_one std
    # Again: whoever held the lock may have made them.
    for target in "$@"; do std_complete "$std" "$target" || todo+=("$target"); done
    [ ${#todo[@]} -gt 0 ] || return 0
    # Those of earlier compilers are of no more use.
    find "$CACHE/std" -mindepth 1 -maxdepth 1 ! -path "$(dirname "$std")" -exec rm -rf {} + 2>/dev/null || true
    # Not emptied after a failure: cargo goes on where it was.
    tmp=$std/tmp
    mkdir -p "$tmp/src"
    # An empty crate; the [workspace] keeps cargo from looking for one above.
    cat >"$tmp/Cargo.toml" <<-TOML
	[package]
	name = "empty"
	version = "0.0.0"
	edition = "2021"
	[workspace]
	[profile.release]
	opt-level = 1
	debug = false
	TOML
    : >"$tmp/src/lib.rs"
    for target in "${todo[@]}"; do args+=(--target "$target"); done
    log "cargo $verb of std for ${todo[*]} (about 40 s each)"
    # In the folder itself: the workspace's .cargo/config.toml is not meant.
    (cd "$tmp" && debian_cargo RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$tmp/target" \
        cargo "$verb" --quiet --release -Zbuild-std=std,panic_abort,test "${args[@]}" >&2) ||
        unavailable "std did not build"
    for target in "${todo[@]}"; do
        part=$std/lib/rustlib/$target
        rm -rf "$part"
        mkdir -p "$part/lib"
        kind=rlib
        [ "$verb" != check ] || kind=rmeta
        # Our own empty crate is no part of std.
        find "$tmp/target/$target/release/deps" -name "lib*.$kind" ! -name 'libempty-*' \
            -exec cp -t "$part/lib" {} +
        touch "$std/$target.done"
    done
    rm -rf "$tmp"
    # Cargo keeps its target folder's own lock from here on.
    flock -u 9
}

std_complete() {
    local std=$1 target
    shift
    for target in "$@"; do [ -e "$std/$target.done" ] || return 1; done
}

# debian_cargo [VAR=VALUE...] COMMAND...: runs it with Debian's compiler.
# RUSTFLAGS would silently replace the --sysroot of target_env, which holds a
# copy of it.
debian_cargo() {
    env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS -u RUSTUP_TOOLCHAIN -u CARGO_BUILD_TARGET \
        -u RUSTC_WRAPPER RUSTC="$DEBIAN_RUSTC" "$@"
}

# target_env VERB TARGET: the VAR=VALUE that makes cargo find std for TARGET.
target_env() {
    local name=${2^^}
    printf 'CARGO_TARGET_%s_RUSTFLAGS=--sysroot %s %s\n' \
        "${name//-/_}" "$(std_folder "$1")" "${RUSTFLAGS:-}"
}
