# Builds a user-mode Linux kernel: $PREPARED/linux. What is there already from an attempt that failed is used.
# SOURCE is the archive of the sources, TOOLS a root folder with flex and bison, CONFIGS the fragments of the
# configuration, which is the smallest possible one otherwise. Lines that begin with "= " are shown.
PATH=$WORK/$TOOLS/usr/bin:$PATH
export BISON_PKGDATADIR=$WORK/$TOOLS/usr/share/bison M4=$WORK/$TOOLS/usr/bin/m4
# A build is reproducible where nobody's name and time is in it.
export KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=sockspec KBUILD_BUILD_TIMESTAMP=1970-01-01

if ! [ -e source.done ]; then
    echo "= unpacking the sources"
    mkdir -p source
    tar -C source --strip-components=1 -xf "$SOURCE"
    touch source.done
fi
cd source
fragments=
for name in $CONFIGS; do fragments="$fragments $ENTRY/$name"; done
make ARCH=um tinyconfig
# shellcheck disable=SC2086  # several words
scripts/kconfig/merge_config.sh -m .config $fragments
make ARCH=um olddefconfig
# shellcheck disable=SC2086
for line in $(grep -hv '^#' $fragments); do
    grep -qx "$line" .config || echo "= this kernel does not have $line"
done
echo "= building the kernel, some minutes"
nice make ARCH=um -j"$(nproc)" linux
cp linux "$PREPARED/linux"
