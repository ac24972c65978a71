// gateway/base/precompiled.hpp and the configuration, which most files of the folders above config/ include.
#pragma once
#include "base/precompiled.hpp"
#include "config/configuration.hpp"
