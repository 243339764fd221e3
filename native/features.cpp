#include "features.hpp"

#include "error.hpp"
#include "loader.hpp"

#include <algorithm>
#include <cstddef>
#include <set>

#ifndef VK_KHR_cooperative_matrix // headers before 1.3.255
#define VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME "VK_KHR_cooperative_matrix"
static const VkStructureType VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR =
  (VkStructureType)1000506000;
struct VkPhysicalDeviceCooperativeMatrixFeaturesKHR
{
    VkStructureType sType;
    void* pNext;
    VkBool32 cooperativeMatrix;
    VkBool32 cooperativeMatrixRobustBufferAccess;
};
static const VkStructureType VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR = (VkStructureType)1000506001;
struct VkCooperativeMatrixPropertiesKHR // the types and the scope are enumerations of 32 bits
{
    VkStructureType sType;
    void* pNext;
    std::uint32_t MSize, NSize, KSize, AType, BType, CType, ResultType;
    VkBool32 saturatingAccumulation;
    std::uint32_t scope;
};
typedef VkResult(VKAPI_PTR* PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)(VkPhysicalDevice, std::uint32_t*,
                                                                                    VkCooperativeMatrixPropertiesKHR*);
static const std::uint32_t VK_COMPONENT_TYPE_FLOAT16_KHR = 0, VK_COMPONENT_TYPE_FLOAT32_KHR = 1, VK_SCOPE_SUBGROUP_KHR = 3;
#endif

namespace grilly {

// One row a feature: its name, its extension, the structure that switches it on with the members wanted, who needs it.
// A row without a structure is an extension that only has to be named; one of a property is that, if its members hold.
namespace {

struct Structure // the beginning that all of them share
{
    VkStructureType sType;
    void* pNext;
};

struct Row
{
    const char* name;
    const char* extension;
    const char* purpose;
    std::size_t size;
    VkStructureType type;
    std::vector<std::size_t> members; // offsets of the VkBool32 that must be there and are switched on
    bool property = false;            // of the device: nothing to switch on
};

#define ROW(name, extension, purpose, structure, type, ...) \
    Row { name, extension, purpose, sizeof(structure), type, { __VA_ARGS__ } }

const std::vector<Row>& rows()
{
    using Size = VkPhysicalDeviceSubgroupSizeControlFeaturesEXT;
    using Storage = VkPhysicalDevice16BitStorageFeatures;
    using Half = VkPhysicalDeviceShaderFloat16Int8FeaturesKHR;
    using Model = VkPhysicalDeviceVulkanMemoryModelFeaturesKHR;
    using Matrix = VkPhysicalDeviceCooperativeMatrixFeaturesKHR;
    using Reset = VkPhysicalDeviceHostQueryResetFeaturesEXT;
    using Floats = VkPhysicalDeviceFloatControlsPropertiesKHR;
    using Core = VkPhysicalDeviceFeatures2; // those of Vulkan 1.0
    static const auto& all = *new std::vector<Row>{
        ROW("subgroup size control", VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME, "kernels for subgroups of one size or whole ones",
            Size, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT,
            offsetof(Size, subgroupSizeControl), offsetof(Size, computeFullSubgroups)),
        ROW("64-bit integers", "", "loads and stores of eight numbers on lavapipe", Core,
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
            offsetof(Core, features) + offsetof(VkPhysicalDeviceFeatures, shaderInt64)),
        ROW("16-bit storage", "", "half-precision weights and activations in memory", Storage,
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES, offsetof(Storage, storageBuffer16BitAccess)),
        ROW("float16 arithmetic", VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME, "half-precision products", Half,
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES_KHR, offsetof(Half, shaderFloat16)),
        ROW("vulkan memory model", VK_KHR_VULKAN_MEMORY_MODEL_EXTENSION_NAME, "shaders with cooperative matrices", Model,
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES_KHR, offsetof(Model, vulkanMemoryModel),
            offsetof(Model, vulkanMemoryModelDeviceScope)), // without it, atomics of the device's scope would be invalid
        ROW("cooperative matrix", VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME, "products on matrix units", Matrix,
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR, offsetof(Matrix, cooperativeMatrix)),
        ROW("host query reset", VK_EXT_HOST_QUERY_RESET_EXTENSION_NAME, "profiles: timestamps reset without a command",
            Reset, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_HOST_QUERY_RESET_FEATURES_EXT, offsetof(Reset, hostQueryReset)),
        Row{ "float controls", VK_KHR_SHADER_FLOAT_CONTROLS_EXTENSION_NAME,
             "all kernels: zeros' signs, infinity and NaN are kept", sizeof(Floats),
             VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES_KHR,
             { offsetof(Floats, shaderSignedZeroInfNanPreserveFloat32) }, true },
        Row{ "memory budget", VK_EXT_MEMORY_BUDGET_EXTENSION_NAME, "allocations: what the driver can still give", 0,
             VK_STRUCTURE_TYPE_MAX_ENUM, {} },
    };
    return all;
}

#undef ROW

std::set<std::string> extensions_of(const Instance& instance, VkPhysicalDevice device)
{
    auto enumerate =
      instance.get<PFN_vkEnumerateDeviceExtensionProperties>("vkEnumerateDeviceExtensionProperties");
    std::vector<VkExtensionProperties> found;
    VkResult result;
    do {
        std::uint32_t count = 0;
        check("vkEnumerateDeviceExtensionProperties", enumerate(device, nullptr, &count, nullptr));
        found.resize(count);
        result = check("vkEnumerateDeviceExtensionProperties", enumerate(device, nullptr, &count, found.data()));
        found.resize(count);
    } while (result == VK_INCOMPLETE);
    std::set<std::string> names;
    for (const auto& one : found)
        names.insert(one.extensionName);
    return names;
}

} // namespace

Features::Features(const Instance& instance, VkPhysicalDevice device, bool take)
{
    const auto offered = extensions_of(instance, device);
    // A device that is not wholly Vulkan (MoltenVK) asks for this one, whatever else is taken.
    if (offered.count("VK_KHR_portability_subset"))
        extensions_.push_back("VK_KHR_portability_subset");
    auto query = instance.get<PFN_vkGetPhysicalDeviceFeatures2>("vkGetPhysicalDeviceFeatures2");
    auto properties = instance.get<PFN_vkGetPhysicalDeviceProperties2>("vkGetPhysicalDeviceProperties2");
    for (const Row& row : rows()) {
        Feature feature{ row.name, row.extension, row.purpose };
        feature.offered = !*row.extension || offered.count(row.extension);
        std::vector<std::uint64_t> memory((row.size + 7) / 8);
        auto* structure = (Structure*)memory.data();
        auto member = [&](std::size_t at) { return (VkBool32*)((char*)memory.data() + at); };
        if (feature.offered && row.size) {
            structure->sType = row.type;
            VkPhysicalDeviceFeatures2 asked{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2 };
            VkPhysicalDeviceProperties2 held{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2 };
            asked.pNext = held.pNext = structure;
            if (row.property)
                properties(device, &held);
            else if (row.type == asked.sType)
                query(device, (VkPhysicalDeviceFeatures2*)structure);
            else
                query(device, &asked);
            for (std::size_t at : row.members)
                feature.offered = feature.offered && *member(at);
        }
        feature.taken = feature.offered && take;
        if (feature.taken && row.type == base_.sType) {
            for (std::size_t at : row.members)
                *(VkBool32*)((char*)&base_ + at) = VK_TRUE;
        } else if (feature.taken && row.size && !row.property) { // these members and no others
            std::fill(memory.begin(), memory.end(), 0);
            structure->sType = row.type;
            structure->pNext = base_.pNext;
            for (std::size_t at : row.members)
                *member(at) = VK_TRUE;
            storage_.push_back(std::move(memory));
            base_.pNext = storage_.back().data();
        }
        if (feature.taken && *row.extension)
            extensions_.push_back(row.extension);
        table.push_back(feature);
    }
}

SubgroupSizes subgroup_sizes(const Instance& instance, VkPhysicalDevice device)
{
    if (!extensions_of(instance, device).count(VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME))
        return {};
    VkPhysicalDeviceSubgroupSizeControlPropertiesEXT sizes{
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT
    };
    VkPhysicalDeviceProperties2 properties{ VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2 };
    properties.pNext = &sizes;
    instance.get<PFN_vkGetPhysicalDeviceProperties2>("vkGetPhysicalDeviceProperties2")(device, &properties);
    return { sizes.minSubgroupSize, sizes.maxSubgroupSize, sizes.maxComputeWorkgroupSubgroups,
             (sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0 };
}

std::vector<MatrixSizes> matrix_sizes(const Instance& instance, VkPhysicalDevice device)
{
    if (!extensions_of(instance, device).count(VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME))
        return {};
    const char* name = "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR";
    auto query = instance.get<PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR>(name);
    if (!query) // an old loader
        return {};
    std::uint32_t count = 0;
    check(name, query(device, &count, nullptr));
    VkCooperativeMatrixPropertiesKHR blank{};
    blank.sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
    std::vector<VkCooperativeMatrixPropertiesKHR> found(count, blank);
    check(name, query(device, &count, found.data()));
    found.resize(count);
    std::vector<MatrixSizes> out;
    for (const auto& one : found)
        if (one.scope == VK_SCOPE_SUBGROUP_KHR && one.AType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
            one.BType == VK_COMPONENT_TYPE_FLOAT16_KHR && one.CType == VK_COMPONENT_TYPE_FLOAT32_KHR &&
            one.ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR && !one.saturatingAccumulation)
            out.push_back({ one.MSize, one.NSize, one.KSize });
    return out;
}

void Features::apply(VkDeviceCreateInfo& info)
{
    info.pNext = &base_;
    info.enabledExtensionCount = (std::uint32_t)extensions_.size();
    info.ppEnabledExtensionNames = extensions_.data();
}

bool Features::has(const char* name) const
{
    for (const Feature& feature : table)
        if (feature.name == name)
            return feature.taken;
    return false;
}

} // namespace grilly
