// gateway/base/precompiled.hpp and what every test includes besides.
#pragma once
#include <doctest/doctest.h>

#include "base/precompiled.hpp"
