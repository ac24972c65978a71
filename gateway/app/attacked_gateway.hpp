// What `gatehouse attack --self` attacks: a gateway with the routes of a file and everything else of its own, on
// loopback, with an echo in the place of every upstream, in this process. Nothing of an installation is touched, and
// nothing is left behind.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attack/runner.hpp"
#include "config/configuration.hpp"

namespace gatehouse::app {

class AttackedGateway {
 public:
  // `routes`: of the file; only its routes, upstreams, hosts and names of cookies count. Absent: a route of each kind.
  // Throws StartError.
  explicit AttackedGateway(const std::optional<config::Configuration>& routes);
  ~AttackedGateway();

  // How it is attacked: with the first routes of each kind.
  const attack::Plan& plan() const;

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace gatehouse::app
