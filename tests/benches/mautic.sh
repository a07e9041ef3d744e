#!/bin/bash
# What a careful administrator would write instead: Mautic 2.16.5 to 3.0.2 with a backup, and with everything on disk before
# visitors come back. It cannot be resumed, and nothing puts the files or the tables back if it is killed in the middle.
#
# In the environment: SITE (the installation's directory), URL and SHA256 (the package), SOCKET, ACCOUNT and SCHEMA (the
# database), MIGRATIONS (what the migrations come to on this database: whoever writes it knows it beforehand).
set -euo pipefail
cd "$SITE"
mkdir -p backup work/new work/old
tree=work/new
login=(--no-defaults --socket="$SOCKET" --user="$ACCOUNT")
took() { echo "$1 ${SECONDS} s"; }

# Back up, while visitors may still write.
mariadb-dump "${login[@]}" --single-transaction --quick --routines --triggers "$SCHEMA" | zstd -q -3 -o backup/mautic.sql.zst
sync -f backup
took backup

# Get the package and unpack it beside the live version.
curl -fsS -o work/package.zip "$URL"
echo "$SHA256  work/package.zip" | sha256sum --check --quiet
unzip -q work/package.zip -d "$tree"
for file in index.php bin/console app/release_metadata.json app/migrations; do
    test -e "$tree/$file"
done
took package

# The settings.
cp -a www/app/config/local.php "$tree/app/config/"
sed -i -E \
    -e "s/^(\t'mailer_transport' => )'mail'/\1'sendmail'/" \
    -e "s#^(\t'system_update_url' => )'.*'#\1'https://api.github.com/repos/mautic/mautic/releases'#" \
    -e "s/^(\t'dev_hosts' => )null/\1[]/" \
    -e "s/^(\t'theme' => )'Mauve'/\1'blank'/" \
    -e "/^\t'(track_by_fingerprint|webhook_start)' => /d" \
    -e "s#^(\t'cache_path' => '.*)/app/cache'#\1/app/../var/cache'#" \
    -e "s#^(\t'log_path' => '.*)/app/logs'#\1/app/../var/logs'#" \
    -e "s#^(\t'tmp_path' => '.*)/app/cache'#\1/app/../var/tmp'#" \
    -e "s#%kernel.root_dir%/spool#%kernel.root_dir%/../var/spool#" \
    -e "s/^(\t'db_server_version' => )'.*'/\1'5.7'/" \
    -e "/^\t'api_rate_limiter_cache' => /,/^\t\),/c\\\t'api_rate_limiter_cache' => array('adapter' => 'cache.adapter.filesystem')," \
    "$tree/app/config/local.php"

# From here on nobody else writes. The users' own files.
echo "We are back in a few minutes." > www/maintenance.flag
cp -an www/media/. "$tree/media/"
for directory in plugins themes translations; do
    mkdir -p "$tree/$directory"
    for entry in www/"$directory"/*; do
        test -e "$tree/$directory/$(basename "$entry")" || cp -a "$entry" "$tree/$directory/"
    done
done
mkdir -p "$tree/var"
for directory in spool logs; do
    rm -rf "${tree:?}/var/$directory"
    cp -a "www/app/$directory" "$tree/var/"
done
took prepared

# The files.
sync -f work
for entry in "$tree"/* "$tree"/.htaccess; do
    name=$(basename "$entry")
    if test -e "www/$name"; then mv "www/$name" work/old/; fi
    mv "$entry" www/
done
took switched

# The database.
mariadb "${login[@]}" "$SCHEMA" < "$MIGRATIONS"
took migrated

# The cache is built by the first request.
rm -rf www/var/cache
mkdir www/var/cache
sync -f www
rm www/maintenance.flag
rm -r work/new work/package.zip
took done
