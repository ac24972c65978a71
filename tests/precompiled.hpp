// gateway/config/precompiled.hpp and what most tests include besides.
#pragma once
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "config/precompiled.hpp"
#include "storage/database.hpp"
