# gatehouse_embed_tree(NAME DIRECTORY PATTERNS…): the files below DIRECTORY that match, as data in the binary.
# Makes the target NAME, to link, and the header "NAME.hpp" with
#   namespace gatehouse { std::span<const EmbeddedFile> NAME(); }   // sorted by path
# EmbeddedFile is in base/embedded_file.hpp. The files are turned into code again whenever one of them changes.
function(gatehouse_embed_tree name directory)
  set(files)
  foreach(pattern IN LISTS ARGN)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS ${directory}/${pattern})
    list(APPEND files ${found})
  endforeach()
  set(output ${CMAKE_BINARY_DIR}/embedded/${name})
  add_custom_command(
    OUTPUT ${output}.cpp ${output}.hpp
    COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DDIRECTORY=${directory} "-DFILES=${files}" -DOUTPUT=${output}
            -P ${PROJECT_SOURCE_DIR}/cmake/embed_files.cmake
    DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/embed_files.cmake
    VERBATIM)
  add_library(${name} STATIC ${output}.cpp ${output}.hpp)
  target_include_directories(${name} PUBLIC ${CMAKE_BINARY_DIR}/embedded ${PROJECT_SOURCE_DIR}/gateway)
endfunction()

# gatehouse_link_embedded(FOLDER NAME): lets the library of a folder use an embedded tree.
function(gatehouse_link_embedded folder name)
  get_target_property(type gatehouse_${folder} TYPE)
  if(type STREQUAL "INTERFACE_LIBRARY")
    target_link_libraries(gatehouse_${folder} INTERFACE ${name})
  else()
    target_link_libraries(gatehouse_${folder} PUBLIC ${name})
  endif()
endfunction()
