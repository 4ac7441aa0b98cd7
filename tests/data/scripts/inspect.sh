#!/bin/sh
# Rejects what is called bad, and tells its environment.
case $1 in
  bad*) echo "0 I do not like \"$1\"" ;;
  silent) ;;
  *) echo "1 fine" ;;
esac
