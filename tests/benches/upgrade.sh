#!/bin/sh
# What a careful administrator would write instead: Roundcube 1.4 to 1.6 on SQLite, with a backup, and with everything on
# disk before visitors come back. It cannot be resumed, and nothing puts the files back if it is killed in the middle.
#
# In the environment: SITE (the installation's directory), URL and SHA256 (the package), OLD and NEW (migrations).
set -eu
cd "$SITE"
database=data/roundcube.db
mkdir -p backup work/new work/old

# Back up, while visitors may still write.
sqlite3 "$database" ".backup work/backup.db"
zstd -q -3 --rm work/backup.db -o backup/roundcube.db.zst
sync -f backup

# Get the package and unpack it beside the live version.
curl -fsS -o work/package.zip "$URL"
echo "$SHA256  work/package.zip" | sha256sum --check --quiet
unzip -q work/package.zip -d work/new
tree=$(echo work/new/*)
for file in index.php program/include/iniset.php program/lib/Roundcube/bootstrap.php "SQL/sqlite/$NEW.sql"; do
    test -f "$tree/$file"
done

# From here on nobody else writes. A copy of the database to go back to.
echo "We are back in a few minutes." > www/maintenance.flag
sqlite3 "$database" ".backup work/before.db"
sync -f work

# The operator's own files.
for settings in www/plugins/*/config.inc.php; do
    plugin=$(basename "$(dirname "$settings")")
    if test -d "$tree/plugins/$plugin"; then cp -a "$settings" "$tree/plugins/$plugin/"; fi
done
for directory in plugins skins; do
    for entry in www/"$directory"/*; do
        test -e "$tree/$directory/$(basename "$entry")" || cp -a "$entry" "$tree/$directory/"
    done
done

# The database.
for migration in "$tree"/SQL/sqlite/[0-9]*.sql; do
    number=$(basename "$migration" .sql)
    if test "$number" -gt "$OLD"; then
        { echo "BEGIN;"; cat "$migration"; echo "; COMMIT;"; } | sqlite3 -bail "$database"
        sqlite3 "$database" "UPDATE system SET value = '$number' WHERE name = 'roundcube-version'"
    fi
done
test -z "$(sqlite3 "$database" "PRAGMA foreign_key_check")"
test "$(sqlite3 "$database" "SELECT value FROM system WHERE name = 'roundcube-version'")" = "$NEW"

# The files.
sync -f work
for entry in "$tree"/*; do
    name=$(basename "$entry")
    case $name in logs | temp | config) continue ;; esac
    if test -e "www/$name"; then mv "www/$name" work/old/; fi
    mv "$entry" www/
done
sync -f www
rm www/maintenance.flag
rm -r work/new work/package.zip
