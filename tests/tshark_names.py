"""What tshark calls the fields of commands, and what it does not show: one table for each cluster.

A key is a field ("Price"), or a field of one command ("CancelMessage.MessageControl"), or a field
inside a structure ("SimpleDescriptor.Endpoint"). A value is a name, or for lists and structures
with a length octet the name of that octet and the name of an item, or `Bits`: names that each show
some bits of the octets, or `HIDDEN`, or `Parts`: lengths and names within octets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bits:
    """Names, each with the mask of the bits it shows."""

    masks: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Parts:
    """Names of parts of octets that follow one another, each with its length."""

    lengths: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Hidden:
    """tshark gives these octets no name of their own; another oracle has to stand in."""


HIDDEN = Hidden()
Entry = str | Bits | Parts | Hidden
Names = Mapping[str, Entry]


def prefixed(prefix: str, names: Mapping[str, Entry]) -> dict[str, Entry]:
    """The names with `prefix` before every one of them."""
    return {
        key: " ".join(prefix + name for name in entry.split()) if isinstance(entry, str) else entry
        for key, entry in names.items()
    }


CERTIFICATE = Parts(
    tuple(
        (length, f"zbee_zcl_se.ke.cert.{name}")
        for length, name in ((22, "reconst"), (8, "subject"), (8, "issuer"), (10, "profile"))
    )
)

IDENTIFY = {"IdentifyTime": "attr.identify_time", "Timeout": "identify_timeout"}
ALARMS = {
    "AlarmCode": "alarm_code",
    "ClusterID": "cluster_id",
    "Status": "status",
    "TimeStamp": "timestamp",
}
COMMISSIONING = {
    "RestartDevice.Options": "restart_device_options",
    "ResetStartupParameters.Options": "reset_startup_options",
    "Options": "options",
    "Delay": "delay",
    "Jitter": "jitter",
    "Index": "index",
    "Status": "status",
}
OTA: dict[str, Entry] = {
    "PayloadType": "payload.type",
    "QueryJitter": "query_jitter",
    "ManufacturerCode": "manufacturer_code",
    "ImageType": "image.type",
    "NewFileVersion": "file.version",
    "CurrentFileVersion": "file.version",
    "FileVersion": "file.version",
    "HardwareVersion": "hw_ver",
    "QueryNextImageRequest.FieldControl": "query_next_image_req.field_ctrl",
    "ImageBlockRequest.FieldControl": "image_block_req.field_ctrl",
    "ImagePageRequest.FieldControl": "image_page_req.field_ctrl",
    "Status": "status",
    "ImageSize": "image.size",
    "FileOffset": "file.offset",
    "MaximumDataSize": "max_data_size",
    "RequestNodeAddress": "ieee_addr",
    "MinimumBlockPeriod": "min_block_period",
    "ImageBlockResponse.MinimumBlockPeriod": HIDDEN,
    "PageSize": "page.size",
    "ResponseSpacing": "rsp_spacing",
    "DataSize": "data_size",
    "ImageData": "image.data",
    "CurrentTime": "current_time",
    "RequestTime": "request_time",
    "UpgradeTime": "upgrade_time",
    "CurrentZigBeeStackVersion": "zb_stack.ver",
}
PRICE: dict[str, Entry] = {
    "ProviderID": "provider_id",
    "RateLabel": "rate_label",
    "IssuerEventID": "issuer_event_id",
    "CurrentTime": "current_time",
    "UnitOfMeasure": "unit_of_measure",
    "Currency": "currency",
    "PriceTrailingDigitAndPriceTier": "trailing_digit_and_price_tier",
    "NumberOfPriceTiersAndRegisterTier": "number_of_price_tiers_and_register_tier",
    "StartTime": "start_time",
    "DurationInMinutes": "duration_in_minutes",
    "Price": "price",
    "PriceRatio": "price.ratio",
    "GenerationPrice": "generation_price",
    "GenerationPriceRatio": "generation_price.ratio",
    "AlternateCostDelivered": "alternate_cost_delivered",
    "AlternateCostUnit": "alternate_cost.unit",
    "AlternateCostTrailingDigit": "alternate_cost.trailing_digit",
    "NumberOfBlockThresholds": "number_of_block_thresholds",
    "PriceControl": "control",
    "NumberOfGenerationTiers": "number_of_generation_tiers",
    "GenerationTier": "generation_tier",
    "ExtendedNumberOfPriceTiers": "extended_number_of_price_tiers",
    "ExtendedPriceTier": "extended_price_tier",
    "ExtendedRegisterTier": "extended_register_tier",
    "BlockPeriodStartTime": "block_period.start_time",
    "BlockPeriodDurationInMinutes": "block_period.duration",
    "NumberOfPriceTiersAndNumberOfBlockThresholds": HIDDEN,
    "BlockPeriodControl": HIDDEN,
    "ConversionFactor": "conversion_factor",
    "ConversionFactorTrailingDigit": "conversion_factor_trailing_digit",
    "CalorificValue": "calorific_value",
    "CalorificValueUnit": "calorific_value.unit",
    "CalorificValueTrailingDigit": "calorific_value.trailing_digit",
    "CommandOptions": "command_options",
    "NumberOfEvents": "number_of_events",
    "PriceAckTime": "price_ack_time",
    "Control": "control",
    "TariffType": Bits({"zbee_zcl_se.price.tariff_type": 0x0F}),
    "EarliestStartTime": "earliest_start_time",
    "MinIssuerEventID": "min_issuer_event_id",
    "NumberOfCommands": "number_of_commands",
}
DRLC = {
    "IssuerEventID": "issuer_id",
    "DeviceClass": "device_class",
    "UtilityEnrollmentGroup": "utility_enrollment_group",
    "StartTime": "start_time",
    "DurationInMinutes": "duration_in_minutes",
    "CriticalityLevel": "criticality_level",
    "CoolingTemperatureOffset": "cooling_temperature_offset",
    "HeatingTemperatureOffset": "heating_temperature_offset",
    "CoolingTemperatureSetPoint": "cooling_temperature_set_point",
    "HeatingTemperatureSetPoint": "heating_temperature_set_point",
    "AverageLoadAdjustmentPercentage": "average_load_adjustment_percentage",
    "DutyCycle": "duty_cycle",
    "EventControl": "event_control",
    "CancelControl": "cancel_control",
    "EffectiveTime": "effective_time",
    "ReportEventStatus.IssuerEventID": "report_event.issuer_id",
    "EventStatus": "report_event.event_status",
    "EventStatusTime": "report_event.event_status_time",
    "CriticalityLevelApplied": "report_event.criticality_level_applied",
    "CoolingTemperatureSetPointApplied": "report_event.cooling_temperature_set_point_applied",
    "HeatingTemperatureSetPointApplied": "report_event.heating_temperature_set_point_applied",
    "AverageLoadAdjustmentPercentageApplied": (
        "report_event.average_load_adjustment_percentage_applied"
    ),
    "DutyCycleApplied": "report_event.duty_cycle_applied",
    "ReportEventStatus.EventControl": "report_event.event_control",
    "SignatureType": "report_event.signature_type",
    "Signature": "report_event.signature",
    "GetScheduledEvents.StartTime": "get_scheduled_events.start_time",
    "GetScheduledEvents.NumberOfEvents": "get_scheduled_events.numbers_of_events",
    "GetScheduledEvents.IssuerEventID": "get_scheduled_events.issuer_event_id",
}
METERING = {
    "GetProfileResponse.EndTime": "get_profile_response.end_time",
    "Status": "get_profile_response.status",
    "ProfileIntervalPeriod": "get_profile_response.profile_interval_period",
    "NumberOfPeriodsDelivered": "get_profile_response.number_of_periods_delivered",
    "Intervals": "get_profile_response.intervals",
    "AppliedUpdatePeriod": "request_fast_poll_mode_response.applied_update_period",
    "FastPollModeEndTime": "request_fast_poll_mode_response.fast_poll_mode_end_time",
    "IntervalChannel": "get_profile.interval_channel",
    "GetProfile.EndTime": "get_profile.end_time",
    "NumberOfPeriods": "get_profile.number_of_periods",
    "EndpointID": "request_mirror_rsp.endpoint_id",
    "RemovedEndpointID": "mirror_removed.removed_endpoint_id",
    "FastPollUpdatePeriod": "request_fast_poll_mode.fast_poll_update_period",
    "Duration": "request_fast_poll_mode.duration",
}
MESSAGING: dict[str, Entry] = {
    "MessageID": "message.id",
    "MessageControl": "message.ctrl",
    "StartTime": "message.start_time",
    "DurationInMinutes": "message.duration",
    "Message": "message",
    "ExtendedMessageControl": "message.ext.ctrl",
    "ConfirmationTime": "message.confirm_time",
    "MessageConfirmationControl": Bits({"zbee_zcl_se.msg.message.confirm.ctrl": 0x01}),
    "MessageConfirmationResponse": "message",
}
TUNNELING: dict[str, Entry] = {
    "ProtocolID": "protocol_id",
    "ManufacturerCode": "manufacturer_code",
    "FlowControlSupport": "flow_control_supported",
    "MaximumIncomingTransferSize": "max_in_transfer_size",
    "TunnelID": "tunnel_id",
    "TransferDataStatus": "transfer_data_status",
    "NumberOfBytesLeft": "octets_left",
    "NumberOfOctetsLeft": "octets_left",
    "ProtocolOffset": "protocol_offset",
    "TunnelStatus": "transfer_status",
    "ProtocolListComplete": "protocol_list_complete",
    "ProtocolCount": "protocol_count",
    "ProtocolList.ManufacturerCode": "manufacturer_code",
    "ProtocolList.ProtocolID": "protocol_id",
}
PREPAYMENT: dict[str, Entry] = {
    "CommandIssueDateTime": "select_available_emc.cmd_issue_date_time",
    "OriginatingDevice": "select_available_emc.originating_device",
    "SiteID": HIDDEN,
    "MeterSerialNumber": HIDDEN,
    "ProviderID": HIDDEN,
    "RequestDateTime": HIDDEN,
    "ImplementationDateTime": HIDDEN,
    "ProposedSupplyStatus": HIDDEN,
    "OriginatorIDAndSupplyControl": HIDDEN,
    "SupplyStatus": HIDDEN,
}
KEY_ESTABLISHMENT: dict[str, Entry] = {
    "KeyEstablishmentSuite": "attr.suite",
    "RequestedKeyEstablishmentSuite": "attr.suite",
    "EphemeralDataGenerateTime": "init.ephemeral.time",
    "ConfirmKeyGenerateTime": "init.confirm.time",
    "EphemeralDataU": "qeu",
    "EphemeralDataV": "qev",
    "SecureMessageAuthenticationCodeU": "macu",
    "SecureMessageAuthenticationCodeV": "macv",
    "StatusCode": "terminate.status",
    "WaitTime": "terminate.wait.time",
}

CLUSTERS: dict[str, dict[str, Entry]] = {
    "basic": {},
    "identify": prefixed("zbee_zcl_general.identify.", IDENTIFY),
    "alarms": prefixed("zbee_zcl_general.alarms.", ALARMS),
    "commissioning": prefixed("zbee_zcl_general.commissioning.", COMMISSIONING),
    "ota_upgrade": prefixed("zbee_zcl_general.ota.", OTA),
    "price": prefixed("zbee_zcl_se.price.", PRICE),
    "drlc": prefixed("zbee_zcl_se.drlc.", DRLC),
    "metering": prefixed("zbee_zcl_se.met.", METERING),
    "messaging": prefixed("zbee_zcl_se.msg.", MESSAGING),
    "tunneling": prefixed("zbee_zcl_se.tun.", TUNNELING) | {"Data": "data.data"},
    "prepayment": prefixed("zbee_zcl_se.pp.", PREPAYMENT),
    "key_establishment": (
        prefixed("zbee_zcl_se.ke.", KEY_ESTABLISHMENT) | {"Identity": CERTIFICATE}
    ),
}
"""By cluster: every field of its commands."""

NODE = {"node.type": 0x07, "node.complex": 0x08, "node.user": 0x10}
BANDS = {"868mhz": 0x08, "900mhz": 0x20, "2400mhz": 0x40, "eu_sub_ghz": 0x80}
NEIGHBOR = {"table_entry_type": 0x03, "idle_rx": 0x0C, "relationship": 0x70}


def bits(masks: Mapping[str, int]) -> Bits:
    return Bits({f"zbee_zdp.{name}": mask for name, mask in masks.items()})


ZDP = prefixed(
    "zbee_zdp.",
    {
        "Status": "status",
        "IEEEAddr": "ext_addr",
        "RequestType": "req_type",
        "StartIndex": "index",
        "NWKAddrOfInterest": "nwk_addr",
        "NWKAddr": "nwk_addr",
        "EndPoint": "endpoint",
        "ProfileID": "profile",
        "InClusterList": "in_count in_cluster",
        "OutClusterList": "out_count out_cluster",
        "Capability": "cinfo",
        "ServerMask": "server",
        "BindingTarget": "target",
        "End_Device_Bind_req.SrcAddress": "ext_addr",
        "End_Device_Bind_req.SrcEndpoint": "endpoint",
        "End_Device_Bind_req.InClusterList": HIDDEN,
        "End_Device_Bind_req.OutClusterList": HIDDEN,
        "SrcAddress": "bind.src64",
        "SrcEndpoint": "bind.src_ep",
        "ClusterID": "cluster",
        "DstAddrMode": "addr_mode",
        "GroupAddress": "bind.dst",
        "DstAddress": "bind.dst64",
        "DstEndpoint": "bind.dst_ep",
        "BindingTableEntries": "table_size",
        "BindingTableList": "table_count",
        "BindingTableList.SrcAddress": "bind.src64",
        "BindingTableList.SrcEndpoint": "bind.src_ep",
        "BindingTableList.ClusterID": "cluster",
        "BindingTableList.DstAddrMode": HIDDEN,
        "BindingTableList.GroupAddress": "bind.dst",
        "BindingTableList.DstAddress": "bind.dst64",
        "BindingTableList.DstEndpoint": "bind.dst_ep",
        "DeviceAddress": "ext_addr",
        "Options": bits({"leave.children": 0x40, "leave.rejoin": 0x80}),
        "PermitDuration": "duration",
        "TC_Significance": "significance",
        "ScanChannels": Bits({"zbee_zdp.channel_page": 0xF8000000, "zbee_zdp.channel_mask": -1}),
        "ScanDuration": "duration",
        "ScanCount": "scan_count",
        "NwkUpdateId": "update_id",
        "NwkManagerAddr": "manager",
        "NumAssocDev": "assoc_device_count",
        "NWKAddrAssocDevList": "assoc_device",
        "NodeDescriptor.LogicalType": bits(NODE),
        "NodeDescriptor.APSFlagsAndFrequencyBand": bits(
            {f"node.freq.{name}": mask for name, mask in BANDS.items()}
        ),
        "NodeDescriptor.MACCapabilityFlags": "cinfo",
        "NodeDescriptor.ManufacturerCode": "node.manufacturer",
        "NodeDescriptor.MaximumBufferSize": "node.max_buffer",
        "NodeDescriptor.MaximumIncomingTransferSize": "node.max_incoming_transfer",
        "NodeDescriptor.ServerMask": "server",
        "NodeDescriptor.MaximumOutgoingTransferSize": "node.max_outgoing_transfer",
        "NodeDescriptor.DescriptorCapabilityField": "dcf",
        "PowerDescriptor": "power",
        "SimpleDescriptor": "simple_length",
        "SimpleDescriptor.Endpoint": "endpoint",
        "SimpleDescriptor.ProfileID": "profile",
        "SimpleDescriptor.DeviceID": "app.device",
        "SimpleDescriptor.DeviceVersion": "app.version",
        "SimpleDescriptor.InputClusters": "in_count in_cluster",
        "SimpleDescriptor.OutputClusters": "out_count out_cluster",
        "ActiveEPList": "ep_count endpoint",
        "MatchList": "ep_count endpoint",
        "NeighborTableEntries": "table_size",
        "NeighborTableList": "table_count",
        "NeighborTableList.ExtendedPANId": "extended_pan",
        "NeighborTableList.ExtendedAddress": "ext_addr",
        "NeighborTableList.NetworkAddress": "addr",
        "NeighborTableList.Type": bits(NEIGHBOR),
        "NeighborTableList.PermitJoining": bits({"permit_joining": 0x03}),
        "NeighborTableList.Depth": "depth",
        "NeighborTableList.LQI": "lqi",
        "RoutingTableEntries": "table_size",
        "RoutingTableList": "table_count",
        "RoutingTableList.DestinationAddress": "routing.destination",
        "RoutingTableList.RouteStatus": "routing.status",
        "RoutingTableList.NextHopAddress": "routing.next_hop",
        "ScannedChannels": Bits({"zbee_zdp.channel_page": 0xF8000000, "zbee_zdp.channel_mask": -1}),
        "TotalTransmissions": "tx_total",
        "TransmissionFailures": "tx_fail",
        "EnergyValues": "channel_count channel_energy",
    },
)
"""Every field of the ZDP commands."""

TYPES = {
    "bool": "boolean",
    "single": "float",
    "double": "float",
    "semi": "bytes",
    "octstr": "ostr",
    "octstr16": "ostr",
    "string": "str",
    "string16": "str",
    "UTC": "utc",
    "clusterId": "cid",
    "attribId": "id",
    "bacOID": "bytes",
    "EUI64": "bytes",
    "key128": "bytes",
    "enum8": "uint8",
    "enum16": "uint16",
    "int40": "int64",
    "int48": "int64",
    "int56": "int64",
    **{f"data{8 * size}": "bytes" for size in range(1, 9)},
}
"""What `zbee_zcl.attr.` names a value of a type; the other types go by their own names."""
